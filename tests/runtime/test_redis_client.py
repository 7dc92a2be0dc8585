"""Clients of a real Redis: on TCP, on a unix socket, and of a cluster, also when its nodes change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import redis as blocking
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisSilent

from services.local_stack.redis_server import RedisServer
from services.runtime.redis_client import BadRedisUrl, RedisClient, connect, get_many
from tests.runtime.conftest import clustered
from tests.support.event_logs import Frozen, listener_on, redis_process
from tests.support.servers import redis_cluster

NAMES = [f"{{p{number:02d}}}:key" for number in range(64)]


@asynccontextmanager
async def connected(url: str, timeout_s: float = 2) -> AsyncIterator[RedisClient]:
    client = connect(url, timeout_s=timeout_s)
    try:
        yield client
    finally:
        await client.aclose()


async def test_many_values_come_in_the_order_asked_for(url: str) -> None:
    async with connected(url) as client:
        for index, name in enumerate(NAMES):
            if index % 3:
                await client.set(name, index)
        asked = [*reversed(NAMES), NAMES[1], "never-set"]
        found = await get_many(client, asked)
    expected = [str(index).encode() if index % 3 else None for index in range(64)]
    assert found == [*reversed(expected), b"1", None]


async def test_many_values_of_no_keys_are_none_and_ask_nobody(tmp_path: Path) -> None:
    async with connected(f"unix://{tmp_path}/nobody.sock") as client:
        assert await get_many(client, []) == []


async def test_many_readers_at_once_are_all_served(url: str) -> None:
    async with connected(url) as client:
        await client.set(NAMES[0], "x")
        found = await asyncio.gather(*(get_many(client, NAMES[:2]) for _ in range(300)))
    assert found == [[b"x", None]] * 300


async def test_tcp_speaks_to_one_server(clean_redis_cluster_url: str) -> None:
    async with connected(clean_redis_cluster_url) as client:
        assert await client.ping() is True


@pytest.mark.parametrize("url", ["", "nonsense", "http://host:1", "redis://user:secret-1@host:port", "+cluster://host"])
def test_a_url_that_names_no_redis_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadRedisUrl, match="TRANCHE_REDIS_URL") as raised:
        connect(url, timeout_s=1)
    assert "secret-1" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+cluster", "rediss+cluster"])
@pytest.mark.parametrize(
    "password",
    [
        "s3cret/more",
        "s3cret#more",
        "s3cret?more",
        "s3cret[more",
        "s3cret\u2100",
        "1234/more",
        "1234#more",
        "1234?m=s3cret",
    ],
)
def test_a_password_that_ends_the_host_is_refused_and_no_part_of_it_is_told(scheme: str, password: str) -> None:
    with pytest.raises(BadRedisUrl, match="percent-encoded") as raised:
        connect(f"{scheme}://user:{password}@127.0.0.1:6379/0", timeout_s=1)
    assert not [part for part in ("s3cret", "more", "1234", "user:", "\u2100") if part in str(raised.value)]
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_a_password_may_hold_anything_that_is_encoded(scheme: str) -> None:
    password = "".join(map(chr, range(33, 127)))
    client = connect(f"{scheme}://user:{quote(password, safe='')}@127.0.0.1:6379/0", timeout_s=1)
    options = client.connection_pool.connection_kwargs if isinstance(client, Redis) else client.connection_kwargs
    assert options["password"] == password


async def test_nobody_there_is_told_at_once(tmp_path: Path) -> None:
    async with connected(f"unix://{tmp_path}/nobody.sock", timeout_s=60) as client:
        with pytest.raises(RedisGone):
            async with asyncio.timeout(5):
                await client.get("x")


async def test_silence_is_given_up_once_and_never_retried(server: RedisServer, tmp_path: Path) -> None:
    async with connected(server.url, timeout_s=1) as client:
        await client.set("count", 0)
        frozen = Frozen(redis_process(tmp_path))
        frozen.take_away()
        try:
            with pytest.raises(RedisSilent):
                await client.incr("count")
        finally:
            frozen.bring_back()
        await asyncio.sleep(0.2)
        assert await client.get("count") in {b"0", b"1"}


async def test_a_server_that_restarts_is_found_again_by_every_connection(server: RedisServer) -> None:
    async with connected(server.url) as client:
        await asyncio.gather(*(client.get("x") for _ in range(40)))
        server.stop()
        server.start()
        await asyncio.sleep(0.05)  # in which the ends of the connections are noticed
        assert await asyncio.gather(*(client.get("x") for _ in range(40))) == [None] * 40


async def test_a_full_pool_waits_for_a_connection(server: RedisServer) -> None:
    async with connected(server.url) as client:
        await asyncio.gather(*(client.blpop(["nothing"], timeout=1) for _ in range(100)))
        assert len(await client.client_list()) <= 64


async def test_a_cluster_whose_node_died_is_read_again_once_its_slots_have_moved(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as urls:
        async with connected(clustered(urls[0])) as client:
            assert await get_many(client, NAMES) == [None] * 64
            lose_last_node(urls)
            with pytest.raises(RedisError):
                await get_many(client, NAMES)
            async with asyncio.timeout(20):
                while True:
                    if await readable(client):
                        break
                    await asyncio.sleep(0.1)


async def readable(client: RedisClient) -> bool:
    try:
        return await get_many(client, NAMES) == [None] * 64
    except RedisError:
        return False


def lose_last_node(urls: list[str]) -> None:
    """Kill it, and give its slots to the first node."""
    nodes = [blocking.Redis.from_url(url) for url in urls]
    heir, lost = nodes[0].cluster("MYID"), nodes[-1].cluster("MYID")
    killed = listener_on(int(urls[-1].rpartition(":")[2]))
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    for node in nodes[:-1]:
        pipeline = node.pipeline(transaction=False)
        for slot in range(2 * 16_384 // 3, 16_384):
            pipeline.cluster("SETSLOT", slot, "NODE", heir)
        pipeline.cluster("FORGET", lost)
        pipeline.execute()
    for node in nodes:
        node.close()
