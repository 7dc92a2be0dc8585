"""Event logs under test: an adapter with its real server, and what a test must be able to do behind its back."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import ConsumerRecord

from services.local_stack.child_process import start_child, stop_child
from services.local_stack.redis_server import RedisServer
from services.runtime.event_log.embedded import (
    DEAD_LETTERS_KEY,
    EmbeddedOffsets,
    EmbeddedReader,
    EmbeddedWriter,
    log_key,
)
from services.runtime.event_log.embedded_names import EVENTS
from services.runtime.event_log.embedded_tail import EmbeddedTail
from services.runtime.event_log.kafka import KafkaLog, KafkaOffsets, KafkaReader, KafkaTail, KafkaWriter, ensure_topics
from services.runtime.event_log.port import DeadLetter, LogOffsets, LogReader, LogWriter
from services.runtime.event_log.tail import LogTail
from services.runtime.redis_client import RedisClient, connect
from tests.support.processes import command_of
from tests.support.servers import KAFKA_RUN


class Closable(Protocol):
    async def close(self) -> None: ...


A = TypeVar("A", bound=Closable)


class EventLog(Protocol):
    """One log with nothing in it. What it hands out is closed with it."""

    partitions: int

    def writer(self) -> LogWriter: ...
    def reader(self, partitions: Collection[int] | None = None) -> LogReader:
        """A member of the one group of readers; where the group does not share out, it owns `partitions`, else all."""
        ...

    def offsets(self) -> LogOffsets: ...
    def tail(self) -> LogTail: ...
    async def trim(self, partition: int, below: int) -> None: ...
    async def dead_letters(self) -> Sequence[DeadLetter]: ...
    async def create(self) -> None: ...
    async def close(self) -> None: ...


class EmbeddedLog:
    def __init__(self, url: str, partitions: int, *, timeout_s: float = 5.0) -> None:
        self.partitions = partitions
        self._url, self._timeout_s = url, timeout_s
        self._handed_out: list[Closable] = []

    def writer(self) -> LogWriter:
        return self._keep(EmbeddedWriter(self._connect()))

    def reader(self, partitions: Collection[int] | None = None) -> LogReader:
        owned = range(self.partitions) if partitions is None else partitions
        return self._keep(EmbeddedReader(self._connect(), owned))

    def offsets(self) -> LogOffsets:
        return self._keep(EmbeddedOffsets(self._connect(), self.partitions))

    def tail(self) -> LogTail:
        return self._keep(EmbeddedTail(self._connect(), self.partitions, EVENTS))

    async def trim(self, partition: int, below: int) -> None:
        redis = self._connect()
        await redis.xtrim(log_key(partition), minid=f"{below}-0", approximate=False)
        await redis.aclose()

    async def dead_letters(self) -> Sequence[DeadLetter]:
        redis = self._connect()
        entries: Any = await redis.xrange(DEAD_LETTERS_KEY)
        await redis.aclose()
        return [
            DeadLetter(
                fields[b"reason"].decode(),
                int(fields[b"partition"]),
                int(fields[b"offset"]),
                fields[b"key"],
                fields[b"value"],
            )
            for _id, fields in entries
        ]

    async def create(self) -> None:
        """Nothing to do: streams come into being with their first entry."""

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._handed_out))

    def _connect(self) -> RedisClient:
        return connect(self._url, timeout_s=self._timeout_s)

    def _keep(self, adapter: A) -> A:
        self._handed_out.append(adapter)
        return adapter


class KafkaTopics:
    """Topics and a group of its own on a shared broker."""

    def __init__(self, bootstrap: str, partitions: int, *, timeout_s: float = 5.0) -> None:
        self.partitions = partitions
        self._timeout_s = timeout_s
        name = f"events-{uuid4().hex}"
        self.log = KafkaLog(bootstrap, name, partitions, f"{name}-dead-letters")
        self._handed_out: list[Closable] = []

    def writer(self) -> LogWriter:
        return self._keep(KafkaWriter(self.log, timeout_s=self._timeout_s))

    def reader(self, partitions: Collection[int] | None = None) -> LogReader:  # noqa: ARG002 - the group decides
        return self._keep(
            KafkaReader(self.log, group=self.log.topic, timeout_s=self._timeout_s, silence_s=self._timeout_s)
        )

    def offsets(self) -> LogOffsets:
        return self._keep(KafkaOffsets(self.log, timeout_s=self._timeout_s))

    def tail(self) -> LogTail:
        return self._keep(KafkaTail(self.log, timeout_s=self._timeout_s))

    async def trim(self, partition: int, below: int) -> None:
        async with self.admin() as admin:
            await admin.delete_records({TopicPartition(self.log.topic, partition): RecordsToDelete(below)})

    async def dead_letters(self) -> Sequence[DeadLetter]:
        where = TopicPartition(self.log.dead_letters, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.log.bootstrap)
        await consumer.start()
        consumer.assign([where])
        consumer.seek(where, 0)
        end = (await consumer.end_offsets([where]))[where]
        letters = [_letter(await consumer.getone()) for _ in range(end)]
        await consumer.stop()
        return letters

    async def create(self) -> None:
        await ensure_topics(self.log)

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._handed_out))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.log.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    def _keep(self, adapter: A) -> A:
        self._handed_out.append(adapter)
        return adapter


class Server(Protocol):
    """A server that a test takes away for a while."""

    def take_away(self) -> None: ...
    def bring_back(self) -> None:
        """Have it come back; what it takes to be ready is not waited for. Does nothing where it was not away."""
        ...


class StoppedRedis:
    """Nobody listens any more."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def take_away(self) -> None:
        self._server.stop()

    def bring_back(self) -> None:
        self._server.start()


class Frozen:
    """It takes connections and bytes, and never answers."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def take_away(self) -> None:
        """Once this returns, none of its threads runs: on a busy machine some go on for a while after the signal."""
        self._process.suspend()
        deadline_s = time.monotonic() + 10
        while not all(_is_stopped(each.id) for each in self._process.threads()):
            assert time.monotonic() < deadline_s, "it does not stop"
            time.sleep(0.001)

    def bring_back(self) -> None:
        self._process.resume()


def _is_stopped(thread_id: int) -> bool:
    try:
        return bool(psutil.Process(thread_id).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:  # it ended meanwhile
        return True


class KilledKafka:
    """Killed at once, and started again on the same data and ports."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._port = int(bootstrap.rpartition(":")[2])
        self._folder = folder
        self._successor: subprocess.Popen[bytes] | None = None

    def take_away(self) -> None:
        process = listener_on(self._port)
        process.kill()
        psutil.wait_procs([process])

    def bring_back(self) -> None:
        settings = {
            "TRANCHE_KAFKA_PORT": str(self._port),
            "TRANCHE_KAFKA_CONTROLLER_PORT": str(self._port + 1),
            "TRANCHE_KAFKA_DATA_DIR": str(self._folder / "kafka"),
        }
        self._successor = start_child([str(KAFKA_RUN)], os.environ | settings, self._folder / "again.out")

    def stop(self) -> None:
        if self._successor:
            stop_child(self._successor, 20)


def listener_on(port: int) -> psutil.Process:
    """The process that listens on a port of this machine."""
    [pid] = {
        each.pid for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.laddr[1:] == (port,)
    }
    assert pid is not None
    return psutil.Process(pid)


def redis_process(folder: Path) -> psutil.Process:
    """The child of this process that is the Redis on `folder`."""
    [process] = [each for each in psutil.Process().children() if str(folder) in " ".join(command_of(each))]
    return process


def _letter(record: ConsumerRecord) -> DeadLetter:
    headers = dict(record.headers)
    return DeadLetter(
        headers["reason"].decode(), int(headers["partition"]), int(headers["offset"]), record.key, record.value
    )
