"""The Redis in memory replies and keeps what a real server does, to the same commands and the product's own script."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

import msgpack
import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.exceptions import NoScriptError

from tests.simulation.memory_redis import MemoryRedis

APPLY = files("services.stream_worker").joinpath("lua/apply.lua").read_bytes()
REPLIES = b"""
local packed = cmsgpack.pack({1, 'a', {2, 'b'}})
return {1, 3.9, 'text', true, {'in', {'side'}}, cmsgpack.unpack(packed)[3], redis.call('GET', 'none'), 'cut off'}
"""
HASH_KEYS, PARTS = (b"h1", b"h2"), (b"a", b"b", b"c")
NUMBERS = st.integers(-3, 3).map(lambda number: b"%d" % number)

NAMES = (
    *(b"wm", b"turn", b"users", b"spaces", b"sizes", b"refreshed", b"refreshing"),
    *(b"s", b"m", b"ss", b"ms", b"told", b"due", b"telling", b"outbox"),
)

Command = tuple[bytes, ...]
Run = Callable[..., Any]


class Write(NamedTuple):
    turn: tuple[bytes, bytes, bytes, bytes]
    """Where the batch begins and ends, and the turn before and after."""
    sizes: list[int]
    profile: bytes = b""
    forgets: bool = False
    walk: tuple[bytes, bytes] = (b"", b"")
    told: Sequence[Any] = ("", [], [0, b""], [0, []], "", b"")


WRITES = (
    Write(
        (b"0", b"3", b"", b"t1"),
        [5, 2, 68719476735, 1],
        b"profile",
        told=("0", ["default:a", b"told", "5"], [1, b"c"], [0, []], "1", b"[1]"),
    ),
    Write((b"0", b"3", b"", b"t1"), [5, 9]),
    Write(
        (b"3", b"9", b"t1", b"t2"),
        [5, -2],
        forgets=True,
        walk=(b"", b"4 1 2"),
        told=("", ["default:a", b"more", ""], [0, b""], [1, ["1-1"]], "", b""),
    ),
    Write((b"9", b"9", b"t2", b"t3"), [6, 1], walk=(b"4", b""), told=("9", [], [2, b"cc"], [0, []], "", b"[2]")),
)


def command(*parts: Any) -> st.SearchStrategy[Command]:
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts))


parts, hashes = st.sampled_from(PARTS), st.sampled_from(HASH_KEYS)
commands = st.one_of(
    command(b"SET", st.sampled_from((b"s1", b"s2")), st.binary(max_size=3)),
    command(b"GET", st.sampled_from((b"s1", b"s2"))),
    command(b"MGET", b"s1", b"s2", b"s3"),
    command(st.sampled_from((b"DEL", b"UNLINK")), st.sampled_from((b"s1", b"h1", b"l", b"z")), b"s2"),
    command(b"HSET", hashes, parts, NUMBERS),
    command(b"HINCRBY", hashes, parts, NUMBERS),
    command(b"HDEL", hashes, parts, parts),
    command(b"HGET", hashes, parts),
    command(b"HMGET", hashes, parts, parts),
    command(b"HGETALL", hashes),
    command(b"RPUSH", b"l", parts, parts),
    command(b"LRANGE", b"l", NUMBERS, NUMBERS),
    command(b"ZADD", b"z", NUMBERS, parts, NUMBERS, parts),
    command(b"ZREM", b"z", parts, parts),
    command(b"ZCARD", b"z"),
    command(b"ZRANGE", b"z", NUMBERS, NUMBERS),
    command(b"ZRANGE", b"z", NUMBERS, NUMBERS, b"WITHSCORES"),
)


@pytest.fixture
def server(clean_redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(clean_redis_url, protocol=2) as client:
        client.response_callbacks.clear()  # to see what the server says
        yield client


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(commands, max_size=25))
@example(sent=[(b"HINCRBY", b"h1", b"a", b"1"), (b"HDEL", b"h1", b"a", b"a"), (b"HGETALL", b"h1")])
def test_each_command_is_answered_as_by_a_server(server: redis.Redis, sent: list[Command]) -> None:
    memory = MemoryRedis(lambda: 0)
    server.flushall()
    for each in sent:
        assert comparable(each, memory.run(*each)) == comparable(each, execute(server, *each)), each


def execute(server: redis.Redis, *sent: bytes) -> Any:
    return server.execute_command(sent[0].decode(), *sent[1:])  # type: ignore[no-untyped-call]


def comparable(sent: Command, reply: Any) -> Any:
    """The fields of a hash have no order."""
    return sorted(zip(reply[::2], reply[1::2], strict=True)) if sent[0] == b"HGETALL" else reply


def test_scripts_are_run_as_by_a_server(server: redis.Redis) -> None:
    memory = MemoryRedis(lambda: 1)
    both: list[Run] = [memory.run, lambda *sent: execute(server, *sent)]
    for run in both:
        with pytest.raises(NoScriptError):
            run(b"EVALSHA", b"0" * 40, b"0")
        for text in (REPLIES, APPLY):
            run(b"SCRIPT LOAD", text)
    for each in [scripted(REPLIES), *map(applied, WRITES)]:
        assert both[0](*each) == both[1](*each)
        assert kept(both[0]) == kept(both[1])
    assert kept(memory.run)[:3] == [b"9", b"t3", b"4"]


def test_a_stream_is_read_from_an_entry_on_or_after_it(server: redis.Redis) -> None:
    for run in (MemoryRedis(lambda: 1).run, lambda *sent: execute(server, *sent)):
        names = [run(b"XADD", b"x", b"*", b"field", b"%d" % number) for number in range(4)]
        assert [name for name, _ in run(b"XRANGE", b"x", names[1], b"+")] == names[1:]
        assert [name for name, _ in run(b"XRANGE", b"x", b"(" + names[1], b"+", b"COUNT", b"1")] == names[2:3]
        assert run(b"XDEL", b"x", names[3], names[3]) == 1
        assert [fields for _, fields in run(b"XRANGE", b"x", b"-", b"+")] == [[b"field", b"%d" % at] for at in range(3)]


def test_a_scan_meets_everybody_who_stays(server: redis.Redis) -> None:
    members = {b"%d" % number for number in range(300)}
    for run in (MemoryRedis(lambda: 1).run, lambda *sent: execute(server, *sent)):
        run(b"ZADD", b"z", *(part for member in members for part in (b"1", member)))
        assert set(scanned(run)) == members


def scanned(run: Run) -> Iterator[bytes]:
    """Who is met, while others come and go."""
    cursor = None
    while cursor != b"0":
        cursor, found = run(b"ZSCAN", b"z", cursor or b"0", b"COUNT", b"7")
        yield from (member for member in found[::2] if member != b"other")
        run(b"ZREM" if b"other" in found else b"ZADD", b"z", *([b"other"] if b"other" in found else [b"1", b"other"]))


def kept(run: Run) -> list[Any]:
    """All that the script has written; of the outbox without the names of the entries, which tell the time."""
    fields = [value for _, value in run(b"XRANGE", b"outbox", b"-", b"+", b"COUNT", b"10")]
    hashes = [comparable((b"HGETALL",), run(b"HGETALL", name)) for name in (b"sizes", b"ss", b"told", b"telling")]
    lists = [run(b"LRANGE", name, b"0", b"-1") for name in (b"spaces", b"ms")]
    scores = [run(b"ZRANGE", name, b"0", b"-1", b"WITHSCORES") for name in (b"users", b"due")]
    return [*run(b"MGET", b"wm", b"turn", b"refreshed", b"refreshing", b"s", b"m"), *hashes, *lists, *scores, *fields]


def scripted(text: bytes, names: Sequence[bytes] = (), args: Sequence[bytes] = ()) -> Command:
    return b"EVALSHA", sha1(text, usedforsecurity=False).hexdigest().encode(), b"%d" % len(names), *names, *args


def applied(write: Write) -> Command:
    """A write of one user, one stretch and what is told of them."""
    counts = [["default"], write.sizes, [[write.forgets, write.forgets, write.sizes, b"12345678"]], write.told]
    packed: bytes = msgpack.packb(counts, use_bin_type=False)
    user = (b"default:a", b"7", write.profile, b"membership")
    return scripted(APPLY, NAMES, [*write.turn, packed, *write.walk, *user])
