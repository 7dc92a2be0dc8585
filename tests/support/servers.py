"""Real servers for tests, on loopback only and in the test's own folder; each ends with its `with` block."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
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
from services.local_stack.redis_server import RedisServer
from tests.support.ports import free_ports, listens

KAFKA_RUN = Path(__file__).parents[2] / "deploy" / "kafka" / "run"

_SLOTS = 16_384


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """The embedded stack's Redis, empty and started."""
    server = RedisServer(folder / "redis")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_cluster(folder: Path, nodes: int = 3) -> Iterator[list[str]]:
    """A Redis Cluster of primaries that share the slots evenly; the URL of every node. Raises StartFailed."""
    with ExitStack() as stack:
        ports = [stack.enter_context(_cluster_node(folder)) for _ in range(nodes)]
        clients = [stack.enter_context(_redis_client(port)) for port in ports]
        _join(clients, ports)
        if not holds_within(30, lambda: all(_sees_a_whole_cluster(client, nodes) for client in clients)):
            logs = "\n".join(last_lines(folder / f"redis-{port}" / "log") for port in ports)
            raise StartFailed(f"the cluster did not form; its logs end with:\n{logs}")
        yield [f"redis://127.0.0.1:{port}" for port in ports]


@contextmanager
def kafka_server(folder: Path) -> Iterator[str]:
    """An Apache Kafka of one broker, as `make kafka` starts it; its bootstrap address. Raises StartFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    port, controller_port = free_ports(0, 1)
    log_path, address = folder / "kafka.out", f"127.0.0.1:{port}"
    settings = {
        "TRANCHE_KAFKA_PORT": str(port),
        "TRANCHE_KAFKA_CONTROLLER_PORT": str(controller_port),
        "TRANCHE_KAFKA_DATA_DIR": str(folder / "kafka"),
    }
    process = start_child([str(KAFKA_RUN)], os.environ | settings, log_path)
    try:
        wait_until_ready(process, lambda: listens(port) and asyncio.run(_broker_answers(address)), 180, log_path)
        yield address
    finally:
        stop_child(process, 20)


def missing_for_kafka() -> str | None:
    """What this machine lacks to run a Kafka at all, in words; None when nothing."""
    missing = [program for program in ("java", "mvn", "flock") if shutil.which(program) is None]
    if missing:
        return f"not on the PATH: {', '.join(missing)}"
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < 17:
        return f"Java 17 or newer is needed, and `java -version` says: {answer.stderr.strip()}"
    return None


@contextmanager
def _cluster_node(folder: Path) -> Iterator[int]:
    port, _bus_port = free_ports(0, 10_000)  # Redis before version 7 knows no other distance
    data_dir = folder / f"redis-{port}"
    data_dir.mkdir(parents=True)
    options = f"--port {port} --bind 127.0.0.1 --cluster-enabled yes --cluster-node-timeout 5000 --appendonly yes"
    arguments = [str(find_redis_binary().path), *options.split(), "--save", "", "--dir", str(data_dir)]
    process = start_child(arguments, os.environ, data_dir / "log")
    try:
        wait_until_ready(process, lambda: _redis_answers(port), 30, data_dir / "log")
        yield port
    finally:
        stop_child(process, 10)


def _join(clients: list["redis.Redis"], ports: list[int]) -> None:
    for index, client in enumerate(clients):
        slots = range(index * _SLOTS // len(clients), (index + 1) * _SLOTS // len(clients))
        client.cluster("ADDSLOTS", *slots)
        client.cluster("SET-CONFIG-EPOCH", index + 1)
    for port in ports[1:]:
        clients[0].cluster("MEET", "127.0.0.1", port)


def _sees_a_whole_cluster(client: "redis.Redis", nodes: int) -> bool:
    told = client.cluster("INFO")
    return told["cluster_state"] == "ok" and int(told["cluster_known_nodes"]) == nodes


def _redis_client(port: int) -> "redis.Redis":
    return redis.Redis(port=port, socket_timeout=2, retry=Retry(NoBackoff(), 0))


def _redis_answers(port: int) -> bool:
    try:
        with _redis_client(port) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


async def _broker_answers(address: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
