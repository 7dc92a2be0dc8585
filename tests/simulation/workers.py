"""The one place that puts a worker together, as its `app.py` does, on simulated parts."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from prometheus_client import CollectorRegistry

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogOffsets, LogReader, LogWriter
from services.runtime.event_log.tail import LogTail
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import REDIS_ERRORS, RedisClient
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KEEP_ALL
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.cache import StateCache
from services.stream_worker.log_watch import LogWatch
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Tells
from services.stream_worker.worker import Worker
from tests.simulation.marketers import decoded

LOOK_EVERY_S, SELDOM_S = 1.0, 5.0
"""For a worker that does not tell changes, nothing but its metrics depends on where the log ends."""
GRACE_MS = 200
LONGEST_REST_S = 0.1


@dataclass(frozen=True)
class Surroundings:
    """All that a worker has to do with."""

    redis: RedisClient
    reader: LogReader
    writer: LogWriter
    offsets: LogOffsets
    changes: tuple[LogWriter, LogTail] | None
    """None for one that does not tell changes."""
    partitions: int
    now_ms: Clock


async def work(around: Surroundings, random: Random, stopping: asyncio.Event) -> None:
    """What a worker's process does, from its start to its end."""
    redis, now_ms, changes = around.redis, around.now_ms, around.changes
    catalog = WatchedValue(redis, keys.CATALOG, decoded, Catalog(), LOOK_EVERY_S)
    await _read(catalog, random)
    worker = Worker(
        around.reader,
        around.writer,
        UserStore(redis, now_ms, tells=changes is not None),
        StateCache(random.choice((1, 20, 10_000))),
        catalog,
        KEEP_ALL,
        TimeZones(),
        around.partitions,
        random.randint(1, 20),
        _metrics(),
        now_ms,
        None if changes is None else Tells(*changes, grace_ms=GRACE_MS),
    )
    owned = worker.owned
    watch = LogWatch(around.offsets, owned.progress, owned.stopped, now_ms, LOOK_EVERY_S if changes else SELDOM_S)
    following = [asyncio.create_task(each) for each in (catalog.follow(), watch.follow())]
    await worker.run(stopping)
    for each in following:
        each.cancel()
    await around.reader.close()


async def _read(catalog: WatchedValue[Catalog], random: Random) -> None:
    """Without it a worker ends and is started again: that is left out, since there is nothing to be found in it."""
    while True:
        try:
            await catalog.refresh()
        except REDIS_ERRORS:
            await asyncio.sleep(random.random() * LONGEST_REST_S)
        else:
            return


@lru_cache(maxsize=1)
def _metrics() -> WorkerMetrics:
    """Nobody reads them here, and they take long to make."""
    return WorkerMetrics(CollectorRegistry())
