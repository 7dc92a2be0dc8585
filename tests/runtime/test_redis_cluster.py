"""The client of a Redis Cluster whose nodes fail, move and join, and of one behind a network that repeats itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import NoPermissionError

from services.local_stack.child_process import holds_within
from services.runtime.redis_client import REDIS_ERRORS, connect
from tests.faults.redis.wires import RepliesRepeated, every
from tests.support.ports import free_ports
from tests.support.proxy import Proxy, Wire
from tests.support.redis_nodes import RedisNode, cluster_node, is_whole, knows, redis_cluster_nodes
from tests.support.redis_slots import move_slot, slots_of

READERS = 8


@asynccontextmanager
async def connected(*ports: int) -> AsyncIterator[RedisCluster]:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    client = cast("RedisCluster", connect(f"redis+cluster://{hosts}", timeout_s=2))
    try:
        yield client
    finally:
        await client.aclose()


async def test_a_reply_that_comes_twice_is_never_taken_for_another(tmp_path: Path) -> None:
    names = [f"key-{number}" for number in range(100)]
    with redis_cluster_nodes(tmp_path, 1, 0) as [node], Proxy(node.port, partial(RepliesRepeated, every(10))) as proxy:
        async with connected(proxy.port) as client:
            client.nodes_manager.address_remap = lambda _: ("127.0.0.1", proxy.port)
            for name in names:
                await client.set(name, name)
            assert [await client.get(name) for name in names] == [name.encode() for name in names]


async def test_a_slot_on_its_way_to_a_node_that_has_none_is_served_throughout(tmp_path: Path) -> None:
    names = [f"{{p07}}:{number}" for number in range(200)]
    with ExitStack() as stack:
        [node] = stack.enter_context(redis_cluster_nodes(tmp_path, 1, 0))
        joined = join(stack, tmp_path, node)
        async with connected(node.port) as client:
            script = client.register_script("return redis.call('INCR', KEYS[1])")
            await asyncio.gather(*(client.set(name, 0) for name in names))
            [slot] = slots_of(node, names)
            moving = asyncio.create_task(asyncio.to_thread(move_slot, slot, node, joined, [], 0.01))
            counts = await asyncio.gather(*(counted(partial(script, keys=[name]), moving) for name in names[:READERS]))
            assert slots_of(joined, names) == [slot]
            found = [int(await client.get(name) or 0) for name in names]
    assert found == [*counts, *[0] * (len(names) - READERS)]
    assert min(counts) > 0


async def test_where_the_announcement_is_refused_no_reply_is_taken_for_another(tmp_path: Path) -> None:
    with (
        redis_cluster_nodes(tmp_path, 1, 0) as [node],
        Proxy(node.port, LateAfterRefusal) as proxy,
        node.client() as direct,
    ):
        direct.mset({"{u}1": "one", "{u}2": "two"})
        direct.execute_command("ACL", "SETUSER", "default", "-asking")
        async with connected(node.port) as client:
            asked = cast("ClusterNode", client.get_node(node_name=f"127.0.0.1:{proxy.port}"))
            with pytest.raises(NoPermissionError):
                await asked.execute_command("GET", "{u}1", asking=True)
            direct.execute_command("ACL", "SETUSER", "default", "+asking")
            assert await asked.execute_command("GET", "{u}2", asking=True) == b"two"


async def test_nodes_that_all_went_elsewhere_are_found_at_the_address_that_was_given(tmp_path: Path) -> None:
    with redis_cluster_nodes(tmp_path / "old", 1, 0) as [old], Proxy(old.port) as front:
        async with connected(front.port) as client:
            await client.set("key", "old")
            old.kill()
            with redis_cluster_nodes(tmp_path / "new", 1, 0) as [new]:
                front.retarget(new.port)
                await until(lambda: client.set("key", "new"))
                with new.client() as direct:
                    assert direct.get("key") == b"new"


async def test_one_of_the_given_nodes_is_enough_to_start(tmp_path: Path) -> None:
    with redis_cluster_nodes(tmp_path, 1, 0) as [node]:
        async with connected(*free_ports(0), node.port) as client:
            assert await client.set("key", "value")


async def test_a_script_needs_no_other_node_than_that_of_its_key(tmp_path: Path) -> None:
    with redis_cluster_nodes(tmp_path, 2, 0) as [node, lost]:
        async with connected(node.port) as client:
            script = client.register_script("return redis.call('INCR', KEYS[1])")
            [name] = [name for name in ("a", "b") if slots_of(node, [name])][:1]
            assert await script(keys=[name]) == 1
            lost.kill()
            with node.client() as direct:
                direct.script_flush()
            assert await script(keys=[name]) == 2


class LateAfterRefusal(Wire):
    """What comes behind a refusal is late: it arrives with the reply to the next command."""

    def __init__(self) -> None:
        self._late = b""

    def to_client(self, data: bytes) -> bytes:
        data, self._late = self._late + data, b""
        if data.startswith(b"-NOPERM"):
            data, self._late = data[: data.index(b"\n") + 1], data[data.index(b"\n") + 1 :]
        return data


def join(stack: ExitStack, folder: Path, node: RedisNode) -> RedisNode:
    joined = cluster_node(stack, folder, "--cluster-enabled yes")
    with joined.client() as client:
        client.cluster("MEET", "127.0.0.1", node.port)
        assert holds_within(30, lambda: knows(client, 2) and is_whole(client))
    return joined


async def counted(call: Callable[[], Awaitable[object]], meanwhile: "asyncio.Task[None]") -> int:
    """Call again and again; how often."""
    count = 0
    while not meanwhile.done():
        await call()
        count += 1
        await asyncio.sleep(0.001)
    meanwhile.result()
    return count


async def until(call: Callable[[], Awaitable[object]]) -> None:
    """Return once a call comes through."""
    async with asyncio.timeout(10):
        while True:
            try:
                await call()
            except REDIS_ERRORS:
                await asyncio.sleep(0.05)
            else:
                return
