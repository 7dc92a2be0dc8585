"""A Redis Cluster of six nodes under load: primaries that are lost, and slots that move meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.local_stack.child_process import holds_within
from services.segmentation.wire import keys
from tests.behaviour.conftest import PARTITIONS
from tests.faults.redis.scene import PATIENCE_S, Scene, under_load
from tests.support.redis_nodes import RedisNode, cluster_node, is_whole, knows, redis_cluster_nodes
from tests.support.redis_slots import move_slot, slots_of

PRIMARIES = 3
NODE_TIMEOUT_MS = 2_000
WATERMARKS = [keys.watermark(number) for number in range(PARTITIONS)]

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RedisNode]]:
    folder = tmp_path / "cluster"
    with redis_cluster_nodes(folder, PRIMARIES, replicas=PRIMARIES, node_timeout_ms=NODE_TIMEOUT_MS) as nodes:
        yield nodes


def test_a_primary_that_is_lost_changes_nothing(tmp_path: Path, kafka_bootstrap: str, nodes: list[RedisNode]) -> None:
    with under_load(tmp_path, kafka_bootstrap, clustered(nodes)) as scene:
        fail_over(scene, nodes, scene.random.choice(nodes[:PRIMARIES]))


@pytest.mark.long
def test_slots_that_move_change_nothing(tmp_path: Path, kafka_bootstrap: str, nodes: list[RedisNode]) -> None:
    """To a node that has just joined, and so is known to nobody, from every other."""
    with ExitStack() as stack, under_load(tmp_path, kafka_bootstrap, clustered(nodes)) as scene:
        joined = join(stack, tmp_path, nodes)
        for source in nodes[:PRIMARIES]:
            for slot in slots_of(source, WATERMARKS):
                move_slot(slot, source, joined, nodes[:PRIMARIES], pause_s=0.02)
                scene.recovered(f"slot {slot}")


@pytest.mark.long
def test_a_primary_that_is_lost_while_slots_move_changes_nothing(
    tmp_path: Path, kafka_bootstrap: str, nodes: list[RedisNode]
) -> None:
    with under_load(tmp_path, kafka_bootstrap, clustered(nodes)) as scene:
        source, target, lost = scene.random.sample(nodes[:PRIMARIES], PRIMARIES)

        def move() -> None:
            for slot in slots_of(source, WATERMARKS):
                move_slot(slot, source, target, [], pause_s=0.1)

        moving = threading.Thread(target=move)
        moving.start()
        scene.pause(3)
        fail_over(scene, nodes, lost)
        moving.join()
        assert slots_of(source, WATERMARKS) == []


@pytest.mark.long
def test_every_primary_lost_in_turn_changes_nothing(
    tmp_path: Path, kafka_bootstrap: str, nodes: list[RedisNode]
) -> None:
    """And back again as a replica of what was its own."""
    with under_load(tmp_path, kafka_bootstrap, clustered(nodes)) as scene:
        for lost in (*nodes[:PRIMARIES], *nodes[PRIMARIES:]):
            fail_over(scene, nodes, lost)
            lost.start()
            assert holds_within(PATIENCE_S, lambda: all(map(is_replicated, nodes)))


def fail_over(scene: Scene, nodes: list[RedisNode], lost: RedisNode) -> None:
    """Kill a primary and wait until its replica serves in its place."""
    lost.kill()
    began_s = time.monotonic()
    living = [node for node in nodes if node is not lost]
    assert holds_within(PATIENCE_S, lambda: not all(map(serves, living)))
    assert holds_within(PATIENCE_S, lambda: all(map(serves, living)))
    scene.note(f"the cluster was whole again after {time.monotonic() - began_s:.1f} s")
    scene.recovered("failover")


def join(stack: ExitStack, folder: Path, nodes: list[RedisNode]) -> RedisNode:
    """One more primary, which has no slot yet."""
    options = f"--cluster-enabled yes --cluster-node-timeout {NODE_TIMEOUT_MS}"
    node = cluster_node(stack, folder, options)
    with node.client() as client:
        client.cluster("MEET", "127.0.0.1", nodes[0].port)
        assert holds_within(PATIENCE_S, lambda: knows(client, len(nodes) + 1) and is_whole(client))
    return node


def serves(node: RedisNode) -> bool:
    with node.client() as client:
        return is_whole(client)


def is_replicated(node: RedisNode) -> bool:
    """Whether it is in step with its primary, or has a replica that is."""
    with node.client() as client:
        told = client.info("replication")
    return bool(told.get("master_link_status") == "up" or told.get("connected_slaves"))


def clustered(nodes: list[RedisNode]) -> str:
    """Names all of them: any may be the one that is lost."""
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
