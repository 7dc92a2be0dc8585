"""A scene whose workers tell changes, and a Redis that can be put back to what it held before."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, cast

from prometheus_client import CollectorRegistry

from services.runtime.clock import now_ms
from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.embedded_names import CHANGES, EVENTS
from services.runtime.event_log.embedded_tail import EmbeddedTail
from services.runtime.event_log.port import LogWriter, Message, Record
from services.runtime.event_log.tail import LogTail
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import RedisClient
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.changes import Change, Place, Teller, Terms, Who
from services.segmentation.engine import UserState
from services.segmentation.events import Event, encode_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.changes import decode_change
from services.stream_worker.cache import StateCache
from services.stream_worker.log_watch import LogWatch
from services.stream_worker.sampler import Sampler
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Tells
from services.stream_worker.worker import Worker
from services.stream_worker.write import Write
from tests.segmentation.test_changes import first_told
from tests.stream_worker.scene import PARTITIONS
from tests.stream_worker.states import state_of
from tests.support.event_logs import EventLog

GRACE_MS = 20
PARTITION = 1

_KEYS_OF_STATE = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '{p*}:*')) do
  if not (key:match(':log$') or key:match(':end$') or key:match(':changes')) then
    found[#found + 1] = key
  end
end
"""
_DUMP = f"""{_KEYS_OF_STATE}
local dump = {{}}
for _, key in ipairs(found) do
  dump[#dump + 1] = key
  dump[#dump + 1] = redis.call('DUMP', key)
end
return dump
"""
_RESTORE = f"""{_KEYS_OF_STATE}
for _, key in ipairs(found) do
  redis.call('DEL', key)
end
for at = 1, #ARGV, 2 do
  redis.call('RESTORE', ARGV[at], 0, ARGV[at + 1])
end
"""


class TellingScene:
    """`changes_writer` and `changes_tail` are the changes log's, and may be replaced before a worker begins."""

    def __init__(self, redis: RedisClient, changes: EventLog | None = None, *, telling: bool = True) -> None:
        """Without `changes` they are embedded."""
        self.redis, self.telling, self.consent_required = redis, telling, False
        self._writer = EmbeddedWriter(redis)
        self.changes_writer: LogWriter = EmbeddedWriter(redis, 1_000_000, CHANGES, forgets=True)
        self.changes_tail: LogTail = EmbeddedTail(redis, PARTITIONS, CHANGES)
        if changes:
            self.changes_writer, self.changes_tail = changes.writer(), changes.tail()
        self._published = changes.tail() if changes else EmbeddedTail(redis, PARTITIONS, CHANGES)
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.sampler: Sampler | None = None

    async def put(self, catalog: Catalog) -> None:
        await self.redis.hset(keys.CATALOG, mapping={"version": catalog.version, "document": catalog.encode()})

    async def send(self, events: Sequence[Event]) -> None:
        await self._writer.append(
            [Message(partition_of(each.user_id, PARTITIONS), b"k", encode_event(each)) for each in events]
        )

    @asynccontextmanager
    async def working(self, catalog: Catalog) -> AsyncIterator[Worker]:
        """A worker at work that looks for the log's ends all the time. Left in the middle of whatever it does."""
        watched = WatchedValue(self.redis, keys.CATALOG, Catalog.decode, catalog)
        tells = Tells(self.changes_writer, self.changes_tail, self.consent_required, GRACE_MS)
        worker = Worker(
            EmbeddedReader(self.redis, range(PARTITIONS)),
            self._writer,
            UserStore(self.redis, now_ms, tells=self.telling, consent_required=self.consent_required),
            StateCache(10_000),
            watched,
            KEEP_ALL,
            TimeZones(),
            PARTITIONS,
            150,
            self.metrics,
            now_ms,
            tells if self.telling else None,
            self.sampler,
        )
        watch = LogWatch(
            EmbeddedOffsets(self.redis, PARTITIONS), worker.owned.progress, worker.owned.stopped, now_ms, 0.02
        )
        tasks = [asyncio.create_task(each) for each in (watch.follow(), worker.run(asyncio.Event()), watched.follow())]
        try:
            yield worker
        finally:
            while unfinished := [task for task in tasks if not task.done()]:
                for task in unfinished:
                    task.cancel()  # again and again: redis-py sometimes swallows it
                await asyncio.wait(unfinished, timeout=0.05)

    async def records(self) -> list[Record]:
        """All that the log of events holds."""
        return await self._all(EmbeddedReader(self.redis, range(PARTITIONS), EVENTS, trims=False))

    async def published(self) -> list[Change]:
        """All that the changes log holds, by partition."""
        stretches = {partition: (0, end) for partition, end in (await self._published.ends()).items() if end}
        found = await self._published.read(stretches, 1_000_000) if stretches else {}
        return [decode_change(record.value) for stretch in found.values() for record in stretch.records]

    async def is_applied(self) -> bool:
        ends = await EmbeddedOffsets(self.redis, PARTITIONS).ends()
        found = [int(await self.redis.get(keys.watermark(partition)) or 0) for partition in ends]
        return found == list(ends.values())

    async def is_published(self) -> bool:
        """Whether all records are applied and nothing waits to be told."""
        waiting = [await self.redis.xlen(keys.outbox(partition)) for partition in range(PARTITIONS)]
        return await self.is_applied() and not any(waiting)

    async def is_quiet(self) -> bool:
        """Whether time has nothing left to tell, either."""
        due = [await self.redis.zcount(keys.due(partition), "-inf", now_ms()) for partition in range(PARTITIONS)]
        return not any(due) and await self.is_published()

    async def dump(self) -> list[bytes]:
        """The state of all users, at one moment."""
        return cast("list[bytes]", await cast("Any", self.redis.eval(_DUMP, 0)))

    async def restore(self, dump: Sequence[bytes]) -> None:
        await cast("Any", self.redis.eval(_RESTORE, 0, *dump))

    async def _all(self, reader: EmbeddedReader) -> list[Record]:
        for partition in range(PARTITIONS):
            await reader.seek(partition, 0)
        found: list[Record] = []
        while some := await reader.poll(10_000, 0):
            found += some
        return found


def users_of(partition: int) -> list[str]:
    return [user for user in map(str, range(20)) if partition_of(user, PARTITIONS) == partition]


def a_change(user_id: str, catalog: Catalog) -> Write:
    """Somebody of PARTITION views a page for the first time."""
    who, after = Who(PARTITION, "default", user_id), state_of(1, catalog)
    teller = Teller(Terms(catalog), who, UTC, 0, UserState(), None)
    teller.record(after, 1_000, Place(0, 1_000))
    return Write(f"default:{user_id}", UserState(), after, teller.told, teller.changes)


async def once(scene: TellingScene) -> list[Change]:
    """As a consumer has it that remembers ids: who is killed may publish twice."""
    return first_told(await scene.published())


async def told(scene: TellingScene, number: int) -> bool:
    return len(await once(scene)) == number
