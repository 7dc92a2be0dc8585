"""Reads of a cluster while a part of it is in trouble: the other parts notice nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, takewhile

import pytest
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode

from services.runtime import direct_reads
from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import REDIS_ERRORS, connect
from tests.runtime.conftest import clustered, single
from tests.support.event_logs import Frozen, listener_on
from tests.support.ports import free_ports

NAMES = [f"{{p{number:02d}}}:key" for number in range(64)]
VALUES = [name.encode() for name in NAMES]


@pytest.fixture
async def cluster(clean_redis_cluster_url: str) -> AsyncIterator[RedisCluster]:
    async with connected(clean_redis_cluster_url, timeout_s=2) as client:
        yield client


@pytest.fixture
async def hasty_cluster(clean_redis_cluster_url: str) -> AsyncIterator[RedisCluster]:
    """For tests that wait for answers that do not come."""
    async with connected(clean_redis_cluster_url, timeout_s=0.3) as client:
        yield client


@asynccontextmanager
async def connected(url: str, *, timeout_s: float) -> AsyncIterator[RedisCluster]:
    """To a cluster that holds `NAMES`."""
    client = connect(clustered(url), timeout_s=timeout_s)
    assert isinstance(client, RedisCluster)
    for name in NAMES:
        await client.set(name, name)
    yield client
    await client.aclose()


async def test_values_come_in_the_order_asked_for(url: str) -> None:
    client = connect(url, timeout_s=2)
    reads = DirectReads(client)
    for name in NAMES[::2]:
        await client.set(name, name)
    asked = [*reversed(NAMES), NAMES[0], NAMES[0], "never-set"]
    assert await reads.get(single(asked)) == [
        *([name.encode() if number % 2 == 0 else None] for number, name in reversed(list(enumerate(NAMES)))),
        *[[VALUES[0]], [VALUES[0]], [None]],
    ]
    await client.aclose()


@pytest.mark.parametrize("link_timeout_s", [None, 2.0], ids=["redis-py", "links"])
async def test_a_row_is_read_at_one_moment(url: str, link_timeout_s: float | None) -> None:
    """All of a thousand rows are written again and again, each time by one command, while they are read."""
    client, writing = connect(url, timeout_s=2), connect(url, timeout_s=2)
    rows = [[f"{{p00}}:m:{number}", f"{{p00}}:s:{number}"] for number in range(1_000)]

    is_read = asyncio.Event()

    async def write() -> None:
        for number in takewhile(lambda _: not is_read.is_set(), count()):
            await writing.mset({name: number for row in rows for name in row})

    reads = DirectReads(client, link_timeout_s)
    writes = asyncio.create_task(write())
    torn = [row for _ in range(50) for row in await reads.get(rows) if row[0] != row[1]]
    is_read.set()
    await writes
    await reads.close()
    await client.aclose()
    await writing.aclose()
    assert not torn


async def test_nothing_needs_to_be_known_before_the_first_read(clean_redis_cluster_url: str) -> None:
    client = connect(clustered(clean_redis_cluster_url), timeout_s=2)
    found = await asyncio.gather(*(DirectReads(client).get(single(NAMES)) for _ in range(20)))
    assert found == [[[None]] * 64] * 20
    await client.aclose()


async def test_a_silent_node_keeps_nobody_elsewhere_waiting(hasty_cluster: RedisCluster) -> None:
    """It is asked all the time, each time in vain, and so the nodes are looked for all the time."""
    reads = DirectReads(hasty_cluster)
    assert await reads.get(single(NAMES)) == [[value] for value in VALUES]
    lost = reads.server_of(NAMES[0])
    others = [name for name in NAMES if reads.server_of(name) != lost]
    frozen = Frozen(listener_on(int(lost.rpartition(":")[2])))
    frozen.take_away()
    try:
        in_vain = [asyncio.create_task(failures(reads, NAMES[0], 2.0)) for _ in range(5)]
        took_s = []
        while not all(task.done() for task in in_vain):
            began_s = time.monotonic()
            assert await reads.get(single(others)) == [[name.encode()] for name in others]
            took_s.append(time.monotonic() - began_s)
            await asyncio.sleep(0.02)
    finally:
        frozen.bring_back()
    assert min(await asyncio.gather(*in_vain)) > 1
    assert len(took_s) > 20
    assert sorted(took_s)[len(took_s) * 9 // 10] < 0.15
    await until_read(reads, NAMES[0])


async def test_nobody_waits_while_the_nodes_are_looked_for(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()

    async def for_ever(*_: object, **__: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    reads = DirectReads(cluster)
    others = [name for name in NAMES if reads.server_of(name) != reads.server_of(NAMES[0])]
    misled(cluster, NAMES[0], nobody(cluster))
    monkeypatch.setattr(type(cluster.nodes_manager), "initialize", for_ever)
    assert await failed(reads, NAMES[0])
    async with asyncio.timeout(5):
        await looking.wait()
        assert await failed(reads, NAMES[0])
        assert await reads.get(single(others)) == [[name.encode()] for name in others]


async def test_a_node_that_is_gone_for_good_is_soon_forgotten(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_reads, "LOOK_EVERY_S", 0.1)
    reads = DirectReads(cluster)
    misled(cluster, NAMES[0], nobody(cluster))
    assert await failed(reads, NAMES[0])
    await until_read(reads, NAMES[0])
    assert await reads.get(single(NAMES)) == [[value] for value in VALUES]


async def test_a_slot_that_nobody_holds_is_looked_for(cluster: RedisCluster) -> None:
    reads = DirectReads(cluster)
    del cluster.nodes_manager.slots_cache[cluster.keyslot(NAMES[0])]
    assert reads.server_of(NAMES[0]) == ""
    assert await failed(reads, NAMES[0])
    await until_read(reads, NAMES[0])


async def test_a_slot_that_has_moved_is_followed_at_once(cluster: RedisCluster) -> None:
    reads = DirectReads(cluster)
    home = reads.server_of(NAMES[0])
    elsewhere = next(name for name in NAMES if reads.server_of(name) != home)
    misled(cluster, NAMES[0], cluster.nodes_manager.slots_cache[cluster.keyslot(elsewhere)][0])
    assert reads.server_of(NAMES[0]) != home
    assert await reads.get(single(NAMES)) == [[value] for value in VALUES]
    assert reads.server_of(NAMES[0]) == home


async def test_the_nodes_are_looked_for_once_at_a_time(cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = 0, type(cluster.nodes_manager).initialize

    async def counted(*args: object, **options: object) -> None:
        nonlocal looks
        looks += 1
        await look(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(cluster.nodes_manager), "initialize", counted)
    monkeypatch.setattr(direct_reads, "LOOK_EVERY_S", 60.0)
    reads = DirectReads(cluster)
    misled(cluster, NAMES[0], nobody(cluster))
    assert all(await asyncio.gather(*(failed(reads, NAMES[0]) for _ in range(50))))
    await asyncio.sleep(0.3)
    assert looks == 1


def nobody(cluster: RedisCluster) -> ClusterNode:
    return ClusterNode("127.0.0.1", free_ports(0)[0], **cluster.nodes_manager.connection_kwargs)


def misled(cluster: RedisCluster, name: str, node: ClusterNode) -> None:
    """Have a client believe that the slot of a key is another node's."""
    cluster.nodes_manager.slots_cache[cluster.keyslot(name)] = [node]


async def failed(reads: DirectReads, name: str) -> bool:
    try:
        return await reads.get([[name]]) != [[name.encode()]]
    except REDIS_ERRORS:
        return True


async def until_read(reads: DirectReads, name: str) -> None:
    async with asyncio.timeout(5):
        while await failed(reads, name):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def failures(reads: DirectReads, name: str, seconds: float) -> int:
    """How often a read fails in a while."""
    until_s, count = time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        count += await failed(reads, name)
    return count
