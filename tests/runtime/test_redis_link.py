"""A link to a Redis server, over a real one and over a port that says what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ConnectionError as RedisGone

from services.local_stack.redis_server import RedisServer
from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import connect
from services.runtime.redis_link import Link
from services.runtime.redis_links import Links
from tests.runtime.conftest import clustered, single
from tests.support.event_logs import Frozen, redis_process

NAMES = [f"{{p{number:02d}}}:key" for number in range(64)]
Told = bytes | str | list[bytes | None] | None


class Heard:
    """What a reader is told, in the order in which it is."""

    def __init__(self) -> None:
        self.all: list[Told] = []

    def told(self, value: bytes | list[bytes | None] | None) -> None:
        self.all.append(value)

    def refused(self, error: str) -> None:
        self.all.append(error)

    def missed(self) -> None:
        self.all.append("missed")

    async def count(self, count: int) -> list[Told]:
        async with asyncio.timeout(5):
            while len(self.all) < count:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        return self.all


def link_to(redis: Redis, lost: list[str], timeout_s: float = 2.0) -> Link:
    return Link(redis.connection_pool.make_connection, timeout_s, lambda: lost.append("lost"))


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    redis = connect(server.url, timeout_s=2)
    yield cast("Redis", redis)
    await redis.aclose()


@pytest.fixture
async def lost() -> list[str]:
    return []


@pytest.fixture
async def link(redis: Redis, lost: list[str]) -> AsyncIterator[Link]:
    link = link_to(redis, lost, timeout_s=0.3)
    yield link
    await link.close()


async def test_replies_come_in_the_order_asked_for_whatever_they_are(redis: Redis, link: Link) -> None:
    await redis.set("a", b"1\r\n2")
    await redis.rpush("list", "x")
    heard = Heard()
    for name in (b"a", b"nothing", b"list", b"a"):
        link.ask(name, heard)
    link.flush()
    told = await heard.count(4)
    assert [told[0], told[1], told[3]] == [b"1\r\n2", None, b"1\r\n2"]
    assert "WRONGTYPE" in str(told[2])


async def test_keys_read_together_come_as_one_reply_in_their_place(redis: Redis, link: Link) -> None:
    await redis.mset({"a": b"1\r\n2", "b": b""})
    heard = Heard()
    link.ask(b"a", heard)
    link.ask_together([b"a", b"nothing", b"b"], heard)
    link.ask(b"b", heard)
    link.flush()
    assert await heard.count(3) == [b"1\r\n2", [b"1\r\n2", None, b""], b""]


async def test_all_of_a_turn_is_one_connection_and_one_piece(redis: Redis, link: Link) -> None:
    await link.connect()
    before = (await redis.info("stats"))["total_reads_processed"]
    heard = Heard()
    for _ in range(100):
        link.ask(b"a", heard)
    link.flush()
    await heard.count(100)
    assert (await redis.info("stats"))["total_reads_processed"] - before == 2  # this question is the other
    assert len(await redis.client_list()) == 2


async def test_a_server_that_is_silent_for_too_long_is_given_up_and_asked_again(
    redis: Redis, link: Link, lost: list[str], tmp_path: Path
) -> None:
    await redis.set("a", "1")
    await link.connect()
    frozen = Frozen(redis_process(tmp_path))
    frozen.take_away()
    heard = Heard()
    try:
        for _ in range(3):
            link.ask(b"a", heard)
        link.flush()
        assert await heard.count(3) == ["missed"] * 3
        assert lost == ["lost"]
    finally:
        frozen.bring_back()
    link.ask(b"a", heard)
    link.flush()
    assert (await heard.count(4))[3] == b"1"


async def test_a_server_that_answers_in_time_is_not_given_up(redis: Redis, link: Link, lost: list[str]) -> None:
    heard = Heard()
    for number in range(8):  # over twice as long as it may be silent
        link.ask(b"a", heard)
        link.flush()
        await heard.count(number + 1)
        await asyncio.sleep(0.1)
    assert (heard.all, lost) == ([None] * 8, [])


async def test_a_lost_connection_is_made_anew_by_the_next_read(
    redis: Redis, server: RedisServer, link: Link, lost: list[str]
) -> None:
    await link.connect()
    server.stop()
    heard = Heard()
    link.ask(b"a", heard)
    link.flush()
    assert await heard.count(1) == ["missed"]
    server.start()
    link.ask(b"a", heard)
    link.flush()
    assert (await heard.count(2))[1] is None
    assert lost


@pytest.fixture
async def linked(url: str) -> AsyncIterator[DirectReads]:
    client = connect(url, timeout_s=2)
    for name in NAMES[::2]:
        await client.set(name, name)
    reads = DirectReads(client, link_timeout_s=2)
    yield reads
    await reads.close()
    await client.aclose()


async def test_reads_over_links_are_those_of_redis_py(linked: DirectReads) -> None:
    await linked.connect()
    asked = [*reversed(NAMES), NAMES[0], NAMES[0], "never-set"]
    values = await linked.get(single(asked))
    assert values == [[name.encode() if name in NAMES[::2] else None] for name in asked]
    assert await linked.get([]) == []


async def test_a_redirect_is_followed_and_remembered(clean_redis_cluster_url: str) -> None:
    cluster = connect(clustered(clean_redis_cluster_url), timeout_s=2)
    assert isinstance(cluster, RedisCluster)
    reads = DirectReads(cluster, link_timeout_s=2)
    await reads.connect()
    for name in NAMES:
        await cluster.set(name, name)
    slot, home = cluster.keyslot(NAMES[0]), reads.server_of(NAMES[0])
    elsewhere = next(name for name in NAMES if reads.server_of(name) != home)
    cluster.nodes_manager.slots_cache[slot] = [cluster.nodes_manager.slots_cache[cluster.keyslot(elsewhere)][0]]
    assert await reads.get(single(NAMES)) == [[name.encode()] for name in NAMES]
    assert reads.server_of(NAMES[0]) == home
    await reads.close()
    await cluster.aclose()


async def test_a_server_that_is_gone_is_an_error_and_the_nodes_are_looked_for(server: RedisServer) -> None:
    client = connect(server.url, timeout_s=2)
    reads = DirectReads(client, link_timeout_s=2)
    await reads.connect()
    server.stop()
    with pytest.raises(RedisGone):
        await reads.get(single(NAMES[:3]))
    server.start()
    assert await reads.get(single(NAMES[:3])) == [[None]] * 3
    await reads.close()
    await client.aclose()


async def test_links_that_cannot_stand_say_so(server: RedisServer) -> None:
    server.stop()
    client = connect(server.url, timeout_s=2)
    links = Links(client, 2, lambda _: None)
    with pytest.raises(RedisGone):
        await links.connect()
    await links.close()
    await client.aclose()
