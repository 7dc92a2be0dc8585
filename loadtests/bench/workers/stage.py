"""The servers that all contestants share: one real Kafka and one real Redis, on the core that is not measured."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from redis import Redis

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import Cores, program
from loadtests.bench.processes import Server, Servers, free_port, listens
from loadtests.bench.redis_server import start_redis

KAFKA_RUN = Path(__file__).parents[3] / "deploy" / "kafka" / "run"
PARTITIONS = 64
"""The product's default."""

_AS_DEPLOYED = ("--appendonly", "yes")
_FIRST_FETCH_S = 600.0
"""Kafka's own files are fetched once, and that takes as long as the network lets it."""

Snapshot = dict[bytes, bytes]


@dataclass(frozen=True)
class Stage:
    servers: Servers
    cores: Cores
    folder: Path
    kafka: Server
    bootstrap: str
    redis_server: Server
    redis_url: str
    redis: Redis
    tranche: Path
    """The product's command."""

    def snapshot(self) -> Snapshot:
        """Everything in Redis, to be put back before each run."""
        return {key: self.redis.dump(key) or b"" for key in self.redis.scan_iter(count=1000)}

    def empty_redis(self, kept: Snapshot) -> None:
        """Leave nothing in Redis but `kept`."""
        self.redis.flushall()
        for key, value in kept.items():
            self.redis.restore(key, 0, value)


@contextmanager
def set_stage(tranche: Path, redis_options: Sequence[str] = _AS_DEPLOYED) -> Iterator[Stage]:
    """Raises BenchError where something is missing on this machine, or does not come up."""
    if not tranche.exists():
        raise BenchError(f"there is no {tranche}: run `make install`, or name the command with --tranche")
    cores = Cores.of_this_machine()
    with TemporaryDirectory(prefix="tranche-bench-") as name, Servers(Path(name)) as servers:
        folder = Path(name)
        kafka, bootstrap = _start_kafka(servers, folder, cores.load)
        redis_server, port = start_redis(servers, folder, cores.load, options=redis_options)
        with Redis(port=port) as client:
            url = f"redis://127.0.0.1:{port}/0"
            yield Stage(servers, cores, folder, kafka, bootstrap, redis_server, url, client, tranche)


def _start_kafka(servers: Servers, folder: Path, core: int) -> tuple[Server, str]:
    for needed, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        program(needed, package)
    if not os.access(KAFKA_RUN, os.X_OK):
        raise BenchError(f"there is no {KAFKA_RUN}: run this from a checkout of the product")
    port = free_port()
    env = {
        "TRANCHE_KAFKA_PORT": str(port),
        "TRANCHE_KAFKA_CONTROLLER_PORT": str(free_port()),
        "TRANCHE_KAFKA_DATA_DIR": str(folder / "kafka"),
    }
    server = servers.start("kafka", [str(KAFKA_RUN)], core, env)
    bootstrap = f"127.0.0.1:{port}"
    server.wait_until(lambda: listens(port) and _answers(bootstrap), _FIRST_FETCH_S)
    return server, bootstrap


def _answers(bootstrap: str) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False
