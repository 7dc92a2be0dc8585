"""Lets a store grow from one number of users to the next, and tells what each user, event and lookup took there."""

import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.measure import Case, Closed, measure_closed
from loadtests.bench.lookups.product import Product
from loadtests.bench.processes import Server
from loadtests.bench.progress import Progress, say
from loadtests.bench.redis_server import RedisAt
from loadtests.bench.scale.bounds import Bounds, resident_bytes
from loadtests.bench.scale.findings import Step
from loadtests.bench.scale.newcomers import newcomers
from loadtests.bench.workers.backlog import append_events, create_topic
from loadtests.bench.workers.contestants import Contestant
from loadtests.bench.workers.events import user_id
from loadtests.bench.workers.stage import Stage

TOPIC = "growth"
BACKLOG = 200_000
"""Events that wait at most, so that the log grows no faster than the store."""
ASKED = 100_000
_CONNECTIONS = 64
_PATIENCE_S = 120.0


class Growth:
    """One store that grows within bounds. `segments` is the file of what users are judged by."""

    def __init__(
        self, stage: Stage, contestant: Contestant, segments: Path, events_each: int, seconds: float, bounds: Bounds
    ) -> None:
        self._stage, self._contestant, self._segments = stage, contestant, segments
        self._events_each, self._seconds, self._bounds = events_each, seconds, bounds
        self._written, self._empty_bytes = 0, used_bytes(stage)

    def through(self, sizes: Sequence[int]) -> Iterator[Step]:
        """Grow to each of the sizes, which ascend, or as far as it may. Raises BenchError."""
        create_topic(self._stage.bootstrap, TOPIC)
        [worker] = self._contestant.start(self._stage, TOPIC)
        progress = Progress(f"growing to {sizes[-1]:,} users, events", sizes[-1] * self._events_each)
        for begin, end in zip((0, *sizes), sizes, strict=False):
            step = self._grow(worker, begin, end, progress)
            yield step
            if step.users < end:
                break

    def _grow(self, worker: Server, begin: int, end: int, progress: Progress) -> Step:
        servers = worker, self._stage.redis_server, self._stage.kafka
        before_s, begun_s, written = [each.cpu_s() for each in servers], time.monotonic(), self._written
        users = self._feed(worker, begin, end, progress)
        seconds, events = time.monotonic() - begun_s, self._written - written
        worker_us, redis_us, kafka_us = (
            (each.cpu_s() - was_s) / events * 1e6 for each, was_s in zip(servers, before_s, strict=True)
        )
        resident = self._resident_bytes(worker)
        lookups = self._ask(users)
        return Step(
            users=users,
            events=events,
            redis_bytes=used_bytes(self._stage) - self._empty_bytes,
            log_bytes_an_event=_size(self._stage.folder / "kafka") / self._written,
            worker_us=worker_us,
            redis_us=redis_us,
            kafka_us=kafka_us,
            worker_rss_bytes=psutil.Process(worker.pid).memory_info().rss,
            resident_bytes=resident,
            seconds=seconds,
            lookups_per_s=lookups.rate,
            lookup_us=lookups.server_us,
            lookup_redis_us=lookups.redis_us,
        )

    def _feed(self, worker: Server, begin: int, end: int, progress: Progress) -> int:
        """How many users there are then."""
        users = begin
        for batch in newcomers(begin, end, self._events_each, int(time.time() * 1000)):
            self._written += append_events(self._stage.bootstrap, TOPIC, batch)
            users += len(batch) // self._events_each
            self._wait(worker, BACKLOG)
            progress.add(len(batch))
            if reason := self._bounds.passed(self._resident_bytes(worker)):
                say(f"\nthe store stays at {users:,} users: {reason}")
                break
        self._wait(worker, 0)
        return users

    def _resident_bytes(self, worker: Server) -> int:
        stage = self._stage
        return resident_bytes([os.getpid(), worker.pid, stage.redis_server.pid, stage.kafka.pid])

    def _wait(self, worker: Server, waiting: int) -> None:
        applied, moved_s = -1, time.monotonic()
        while (found := self._contestant.applied(self._stage)) < self._written - waiting:
            if found > applied:
                applied, moved_s = found, time.monotonic()
            if time.monotonic() - moved_s > _PATIENCE_S:
                raise BenchError(f"the worker has stood still for {_PATIENCE_S:.0f} s:\n{worker.last_lines()}")
            time.sleep(0.1)

    def _ask(self, users: int) -> Closed:
        """Lookups of anybody, while no events come."""
        stage, chance = self._stage, random.Random(users)  # noqa: S311 - a workload, no secret
        file = stage.folder / "asked.txt"
        file.write_text("".join(f"{user_id(chance.randrange(users))}\n" for _ in range(ASKED)))
        redis = RedisAt([stage.redis_server], [], stage.redis_url)
        api = Product(stage.servers, stage.tranche, redis).start_api(stage.cores.server, self._segments, unbounded=True)
        try:
            return measure_closed(api, Case(f"{users:,} users", file, _CONNECTIONS), self._seconds, stage.cores)
        finally:
            api.server.stop()


def used_bytes(stage: Stage) -> int:
    stage.redis.memory_purge()
    return int(stage.redis.info("memory")["used_memory"])


def _size(folder: Path) -> int:
    """Bytes on the disk, of sparse files those that are written."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
