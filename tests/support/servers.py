"""Real servers for tests, on loopback only and in the test's own folder; each ends with its `with` block."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.local_stack.child_process import (
    start_child,
    stop_child,
    wait_until_ready,
)
from services.local_stack.redis_server import RedisServer
from tests.support.ports import free_ports, listens
from tests.support.redis_nodes import redis_cluster_nodes

KAFKA_RUN = Path(__file__).parents[2] / "deploy" / "kafka" / "run"

# What a broker of a test is told: to start fast rather than to run fast, and to let members of a group be missed soon.
KAFKA_ENV = {"TRANCHE_KAFKA_HEAP": "256m", "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
KAFKA_OVERRIDES = ("group.min.session.timeout.ms=1000",)


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
def redis_cluster(folder: Path, nodes: int = 3, replicas: int = 0) -> Iterator[list[str]]:
    """A Redis Cluster of so many primaries and replicas; the URL of every primary. Raises StartFailed."""
    with redis_cluster_nodes(folder, nodes, replicas) as cluster:
        yield [node.url for node in cluster[:nodes]]


@contextmanager
def kafka_server(folder: Path, *overrides: str, port: int | None = None) -> Iterator[str]:
    """An Apache Kafka of one broker, as `make kafka` starts it; its bootstrap address. Raises StartFailed.

    `overrides` are settings of the broker, `name=value`. It takes the port behind `port` too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_ports(0, 1)[0]
    log_path, address = folder / "kafka.out", f"127.0.0.1:{port}"
    settings = {"TRANCHE_KAFKA_PORT": str(port), "TRANCHE_KAFKA_DATA_DIR": str(folder / "kafka")}
    options = kafka_options(*KAFKA_OVERRIDES, *overrides)
    process = start_child([str(KAFKA_RUN), *options], os.environ | KAFKA_ENV | settings, log_path)
    try:
        wait_until_ready(process, lambda: listens(port) and asyncio.run(_broker_answers(address)), 180, log_path)
        yield address
    finally:
        stop_child(process, 20)


def kafka_options(*overrides: str) -> list[str]:
    """Settings of a broker as its arguments."""
    return [part for each in overrides for part in ("--override", each)]


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


async def _broker_answers(address: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
