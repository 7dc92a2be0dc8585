"""Lets a store grow from one number of users to the next, and tells what each user, event and lookup took there."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.measure import Case, Closed, measure_closed
from loadtests.bench.lookups.product import Product
from loadtests.bench.processes import Server
from loadtests.bench.progress import Progress
from loadtests.bench.redis_server import RedisAt
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


@dataclass(frozen=True)
class Step:
    """What was measured on the way to `users` users. Microseconds are of CPU, for one event or one lookup."""

    users: int
    events: int
    redis_bytes: int
    """All that Redis holds."""
    log_bytes: int
    """Of the topic on Kafka's disk, for all events so far."""
    worker_us: float
    redis_us: float
    kafka_us: float
    worker_rss_bytes: int
    seconds: float
    lookups: Closed


class Growth:
    """One store that grows. `segments` is the file of what users are judged by."""

    def __init__(self, stage: Stage, worker: Contestant, segments: Path, events_each: int, seconds: float) -> None:
        self._stage, self._contestant, self._segments = stage, worker, segments
        self._events_each, self._seconds = events_each, seconds
        self._written = 0

    def through(self, sizes: Sequence[int]) -> Iterator[Step]:
        """Grow to each of the sizes, which ascend. Raises BenchError."""
        create_topic(self._stage.bootstrap, TOPIC)
        [worker] = self._contestant.start(self._stage, TOPIC)
        for begin, end in zip((0, *sizes), sizes, strict=False):
            yield self._grow(worker, begin, end)

    def _grow(self, worker: Server, begin: int, end: int) -> Step:
        servers = worker, self._stage.redis_server, self._stage.kafka
        before_s, begun_s = [each.cpu_s() for each in servers], time.monotonic()
        events = self._feed(worker, begin, end)
        worker_us, redis_us, kafka_us = (
            (each.cpu_s() - was_s) / events * 1e6 for each, was_s in zip(servers, before_s, strict=True)
        )
        seconds = time.monotonic() - begun_s
        rss_bytes = psutil.Process(worker.pid).memory_info().rss
        used, kept = used_bytes(self._stage), _size(self._stage.folder / "kafka")
        lookups = self._ask(end)
        return Step(end, events, used, kept, worker_us, redis_us, kafka_us, rss_bytes, seconds, lookups)

    def _feed(self, worker: Server, begin: int, end: int) -> int:
        progress, events = Progress(f"growing to {end:,} users", (end - begin) * self._events_each), 0
        for batch in newcomers(begin, end, self._events_each, int(time.time() * 1000)):
            events += append_events(self._stage.bootstrap, TOPIC, batch)
            self._written += len(batch)
            self._wait(worker, BACKLOG)
            progress.add(len(batch))
        self._wait(worker, 0)
        return events

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
