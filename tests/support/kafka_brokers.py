"""A Kafka of several brokers that replicate each other, each a process that tests kill, suspend and start again."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.local_stack.child_process import StartFailed, holds_within, last_lines, start_child, stop_child
from tests.support.ports import free_ports, listens
from tests.support.servers import KAFKA_ENV, KAFKA_OVERRIDES, KAFKA_RUN, kafka_options

PATIENCE_S = 120.0

# How soon a broker that has gone is taken for gone and its partitions get another leader; 9 s by default.
_OVERRIDES = (*KAFKA_OVERRIDES, "broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500")


class KafkaBrokers:
    """Three brokers, numbered from 1; every record is on all of them and counts once two have it."""

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        self.nodes = range(1, nodes + 1)
        self._folder = folder
        self._port, *_ = free_ports(*range(2 * nodes))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self._ports())

    def start(self, node: int) -> None:
        """Start it, on its old data where it has some; what it takes to be ready is not waited for."""
        settings = {"TRANCHE_KAFKA_PORT": str(self._port), "TRANCHE_KAFKA_DATA_DIR": str(self._folder / "kafka")}
        which = ["--brokers", str(len(self.nodes)), "--only", str(node)]
        command = [str(KAFKA_RUN), *which, *kafka_options(*_OVERRIDES)]
        self._processes[node] = start_child(command, os.environ | KAFKA_ENV | settings, self._log_path(node))

    def stop(self, node: int) -> None:
        """Have it hand its partitions over and end."""
        stop_child(self._processes[node], PATIENCE_S)

    def kill(self, node: int) -> None:
        self._processes[node].kill()
        self._processes[node].wait()

    def process(self, node: int) -> psutil.Process:
        return psutil.Process(self._processes[node].pid)

    def bring_back(self) -> None:
        """Resume what is suspended, start what has ended, and wait until everything is in sync again."""
        for node, process in self._processes.items():
            if process.poll() is None:
                psutil.Process(process.pid).resume()
            else:
                self.start(node)
        self.wait_in_sync()

    def wait_in_sync(self) -> None:
        """Return once all brokers are there and each partition is on all its replicas. Raises StartFailed."""
        if not holds_within(PATIENCE_S, self._are_in_sync):
            logs = "\n".join(last_lines(self._log_path(node)) for node in self.nodes)
            raise StartFailed(f"the brokers are not in sync; their logs end with:\n{logs}")

    def kill_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _are_in_sync(self) -> bool:
        # A broker listens once it has a part in the cluster. Before, it may still count for what it was when it ended.
        return all(listens(port) for port in self._ports()) and asyncio.run(_all_in_sync(self.bootstrap))

    def _ports(self) -> list[int]:
        return [self._port + 2 * (node - 1) for node in self.nodes]

    def _log_path(self, node: int) -> Path:
        return self._folder / f"broker-{node}.out"


@contextmanager
def running_brokers(folder: Path) -> Iterator[KafkaBrokers]:
    """Three brokers that are in sync. Raises StartFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    brokers = KafkaBrokers(folder)
    try:
        for node in brokers.nodes:
            brokers.start(node)
        brokers.wait_in_sync()
        yield brokers
    finally:
        brokers.kill_all()


async def _all_in_sync(bootstrap: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        partitions = [each for topic in await admin.describe_topics() for each in topic["partitions"]]
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return all(len(each["isr"]) == len(each["replicas"]) for each in partitions)
