"""Single redis-servers on TCP that tests can kill and bring back, and the Redis Cluster made of them."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.local_stack.child_process import (
    StartFailed,
    holds_within,
    last_lines,
    start_child,
    stop_child,
    wait_until_ready,
)
from services.local_stack.redis_binary import find_redis_binary
from tests.support.ports import free_ports

SLOTS = 16_384
BUS_DISTANCE = 10_000
"""A node's cluster bus is that far from its port: Redis before version 7 knows no other distance."""
NODE_TIMEOUT_MS = 5_000

# Replicas begin at once, and never by way of a file.
_OPTIONS = "--bind 127.0.0.1 --repl-diskless-sync yes --repl-diskless-sync-delay 0"

# A cluster tells of no replica until it has received something: where there is no data, that is the first ping, which
# comes after 10 s by default.
_CLUSTER_OPTIONS = "--cluster-enabled yes --appendonly yes --repl-ping-replica-period 1"


class RedisNode:
    """A redis-server on loopback, its files in `folder`; by default it keeps no data. Start it from the main thread."""

    def __init__(self, folder: Path, port: int, options: str = "") -> None:
        self.folder, self.port = folder, port
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once it answers, all of its data loaded. Raises StartFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        where = ["--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        command = [str(find_redis_binary().path), *where, *_OPTIONS.split(), *self._options.split()]
        self.process = start_child(command, os.environ, self.log_path)
        wait_until_ready(self.process, self.answers, 30, self.log_path)

    def kill(self) -> None:
        """With -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            stop_child(self.process, 10)

    def client(self) -> "redis.Redis":
        """One that tries everything once; the caller closes it."""
        return redis.Redis(port=self.port, socket_timeout=2, retry=Retry(NoBackoff(), 0))

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    @property
    def log_path(self) -> Path:
        return self.folder / "log"


@contextmanager
def redis_node(folder: Path, options: str = "") -> Iterator[RedisNode]:
    """One that is started."""
    [port] = free_ports(0)
    node = RedisNode(folder, port, options)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@contextmanager
def redis_cluster_nodes(
    folder: Path, primaries: int, replicas: int, node_timeout_ms: int = NODE_TIMEOUT_MS
) -> Iterator[list[RedisNode]]:
    """A whole Redis Cluster: the primaries, which share the slots evenly, then their replicas in the same order.

    Raises StartFailed.
    """
    options = f"{_CLUSTER_OPTIONS} --cluster-node-timeout {node_timeout_ms}"
    with ExitStack() as stack:
        nodes = [cluster_node(stack, folder, options) for _ in range(primaries + replicas)]
        clients = [stack.enter_context(node.client()) for node in nodes]
        _share_slots(clients[:primaries])
        for node in nodes[1:]:
            clients[0].cluster("MEET", "127.0.0.1", node.port)
        _require(lambda: all(knows(client, len(nodes)) for client in clients), nodes)
        for index, replica in enumerate(clients[primaries:]):
            replica.cluster("REPLICATE", clients[index % primaries].cluster("MYID"))
        _require(lambda: all(map(_in_step, clients[primaries:])), nodes)
        _require(lambda: all(is_whole(client) and _replicas(client) == replicas for client in clients), nodes)
        yield nodes


def cluster_node(stack: ExitStack, folder: Path, options: str) -> RedisNode:
    port, _bus_port = free_ports(0, BUS_DISTANCE)
    node = RedisNode(folder / f"redis-{port}", port, options)
    stack.callback(node.stop)
    node.start()
    return node


def is_whole(client: "redis.Redis") -> bool:
    """Whether this node serves: every slot has a primary that is there."""
    return bool(client.cluster("INFO")["cluster_state"] == "ok")


def knows(client: "redis.Redis", nodes: int) -> bool:
    return int(client.cluster("INFO")["cluster_known_nodes"]) == nodes


def _share_slots(clients: Sequence["redis.Redis"]) -> None:
    for index, client in enumerate(clients):
        slots = range(index * SLOTS // len(clients), (index + 1) * SLOTS // len(clients))
        client.cluster("ADDSLOTS", *slots)
        client.cluster("SET-CONFIG-EPOCH", index + 1)


def _in_step(replica: "redis.Redis") -> bool:
    return bool(replica.info("replication").get("master_link_status") == "up")


def slots(client: "redis.Redis") -> list[Any]:
    """As this node knows: the first and the last of a range, and who serves it, the primary first."""
    return list(client.execute_command("CLUSTER SLOTS"))  # type: ignore[no-untyped-call]


def _replicas(client: "redis.Redis") -> int:
    return sum(len(served_by) - 1 for _first, _last, *served_by in slots(client))


def _require(condition: Callable[[], bool], nodes: Sequence[RedisNode]) -> None:
    if not holds_within(30, condition):
        logs = "\n".join(last_lines(node.log_path) for node in nodes)
        raise StartFailed(f"the cluster did not form; its logs end with:\n{logs}")
