"""Those who do not use the changes stream pay nothing for it: no key, no command, no argument."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgpack
import pytest
from redis.commands.core import AsyncScript

from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.wheel import Wheel
from services.stream_worker.ledger import Entry
from services.stream_worker.write import Telling, arguments, names
from tests.stream_worker.owner import Owner
from tests.stream_worker.states import catalog_of, redis_at, view, write_of

PARTITION = 3
T = 1_732_190_400_000
COMMANDS = (
    {"mget": 4, "lrange": 1, "zcard": 1, "zscan": 1, "hgetall": 2, "evalsha": 9}
    | {"get": 11, "set": 15, "zadd": 4, "hincrby": 6, "rpush": 5, "del": 6}  # by the script
)
"""What this takes without a changes stream: five writes, and four reads that look at the turn as well."""
KEYS = {
    *("wm", "turn", "users", "spaces", "sizes", "refreshed"),
    *("s:default:u-1", "s:default:u-2", "m:default:u-1", "m:default:u-2"),
    *(f"{sort}:{stretch}" for sort in ("sizes", "moments") for stretch in ("h481165", "h481188", "m28869899")),
}


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(clean_redis_url) as client:
        yield client


async def test_no_command_and_no_key_is_for_the_changes_stream(
    redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = keys_named(monkeypatch)
    catalog = catalog_of("count('view', within='1h') >= 1", "tenure() > '1d'")
    await redis.script_flush()
    before = await commands(redis)
    await live(redis, catalog)
    after = await commands(redis)
    assert {
        name: calls - before.get(name, 0) for name, calls in after.items() if calls != before.get(name, 0)
    } == COMMANDS
    found = {cast("bytes", key).decode() for key in await redis.keys("*")}
    assert found == {f"{{p03}}:{name}" for name in KEYS}
    assert {name.split(":")[1] for name in named} == {*(name.split(":")[0] for name in KEYS), "refreshing"}


def keys_named(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The keys of every script that is called from now on."""
    named: set[str] = set()
    call = AsyncScript.__call__

    async def noting(self: AsyncScript, keys: Sequence[str] = (), args: Sequence[Any] = ()) -> Any:
        named.update(keys)
        return await call(self, keys=keys, args=args)

    monkeypatch.setattr(AsyncScript, "__call__", noting)
    return named


def test_a_write_that_tells_nothing_says_nothing_of_it() -> None:
    entry, writes = Entry(Wheel.at(T)), [write_of("u-1", 1, catalog_of("count('view') >= 1"))]
    silent = list(names(PARTITION, writes, entry, None)), list(arguments(entry, None, writes, None))
    telling = list(names(PARTITION, writes, entry, Telling())), list(arguments(entry, None, writes, Telling()))
    assert telling[0] == [*silent[0], *(f"{{p03}}:{name}" for name in ("told", "due", "telling", "outbox"))]
    assert telling[1][1:] == silent[1][1:]
    assert (len(unpacked(silent)), len(unpacked(telling))) == (3, 4)


def unpacked(call: tuple[list[str], list[str | bytes | int]]) -> Any:
    return msgpack.unpackb(cast("bytes", call[1][0]))


async def live(redis: RedisClient, catalog: Catalog) -> None:
    owner = Owner(redis, PARTITION)
    await owner.open(T)
    assert await owner.apply([view(1, "u-1", T), view(2, "u-2", T), view(3, "u-1", T + 1)], catalog)
    assert await owner.refresh(catalog_of("count('view', within='2h') >= 1", "tenure() > '1d'", "trait('a') == 1"))
    assert await owner.upkeep(T + 120_000)


async def commands(redis: RedisClient) -> dict[str, int]:
    """Calls so far, by command, those of scripts included."""
    stats = cast("dict[str, dict[str, int]]", await redis.info("commandstats"))
    names = {name: name.removeprefix("cmdstat_") for name in stats}
    return {short: stats[name]["calls"] for name, short in names.items() if not short.startswith(("info", "script"))}
