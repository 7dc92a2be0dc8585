"""The worker's loop: poll the log, apply what came, refresh what an edit of the catalog made old.

The law: a partition is worked on only from the watermark that Redis tells. Whenever anything fails or a write is
refused, what this process believes of the partition is forgotten and it is opened anew from there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogReader, LogTrimmed, LogUnavailable, LogWriter, Record
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import REDIS_ERRORS
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, step
from services.segmentation.keep import KeepList
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.batch import Batch, batches
from services.stream_worker.cache import StateCache
from services.stream_worker.refresh import Refresher
from services.stream_worker.store import UnreadableProfile, UserStore
from services.stream_worker.upkeep import Upkeep
from services.stream_worker.write import Write

T = TypeVar("T")

PASSING = (*REDIS_ERRORS, LogUnavailable, TimeoutError)
"""What ends by itself: the worker waits and tries again."""
POLL_S = 0.25
RETRY_S = 0.5

_log = logging.getLogger(__name__)


class Worker:
    def __init__(
        self,
        reader: LogReader,
        writer: LogWriter,
        store: UserStore,
        cache: StateCache,
        catalog: WatchedValue[Catalog],
        keep: KeepList,
        zones: TimeZones,
        partitions: int,
        max_records: int,
        metrics: WorkerMetrics,
        now_ms: Clock,
    ) -> None:
        self._reader, self._writer, self._store, self._cache = reader, writer, store, cache
        self._catalog, self._keep, self._zones = catalog, keep, zones
        self._partitions, self._max_records = partitions, max_records
        self._metrics, self._now_ms = metrics, now_ms
        self._positions: dict[int, int] = {}
        self._refresher = Refresher(store, cache, zones)
        self._upkeep = Upkeep(store)
        self.failing: str | None = None
        """What the last turn failed with; None when it went well."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set. Raises LogTrimmed when records are gone that were never applied."""
        while not stopping.is_set():
            try:
                self.failing = await self._turn()
            except PASSING as error:
                self.failing = type(error).__name__
                _log.warning("a turn failed, trying again: %s", self.failing)
                self._close(list(self._positions))
            if self.failing:
                self._metrics.failed_turns.inc()
                await asyncio.sleep(RETRY_S)

    async def _turn(self) -> str | None:
        """Returns what the work on a partition failed with, while that on the others went on."""
        await self._open()
        catalog = self._catalog.value
        waiting = self._refresher.pending(catalog) or self._upkeep.due(self._positions)
        records = await self._reader.poll(self._max_records, 0 if waiting else POLL_S)
        by_partition = groupby(records, key=lambda record: record.partition)
        failed = await _all(
            self._contained([partition], self._apply(partition, list(group), catalog))
            for partition, group in by_partition
        )
        failed.append(await self._contained(self._refresher.turn(catalog), self._refresh(catalog)))
        failed.append(await self._contained(self._upkeep.due(self._positions), self._see_to_counts()))
        return next(filter(None, failed), None)

    async def _contained(self, partitions: Sequence[int], work: Awaitable[None]) -> str | None:
        """Do work on some partitions. Whatever nobody foresaw lets these be opened anew, and the others stay."""
        try:
            await work
        except (*PASSING, LogTrimmed):
            raise
        except UnreadableProfile as error:
            _log.error("trying again: %s", error)
            self._close([error.partition])
            return type(error).__name__
        except Exception as error:  # its text may tell of users
            _log.error("trying again with partitions %s: %s", list(partitions), type(error).__name__)
            self._close(partitions)
            return type(error).__name__
        return None

    async def _refresh(self, catalog: Catalog) -> None:
        self._close(await self._refresher.some(catalog, self._positions))

    async def _see_to_counts(self) -> None:
        self._close(await self._upkeep.some(self._positions))

    async def _open(self) -> None:
        """Read newly owned partitions from their watermarks on; forget the lost ones."""
        owned = self._reader.assigned()
        self._close((self._positions.keys() - owned) | self._reader.unopened())
        await _all(self._open_partition(partition) for partition in owned - self._positions.keys())
        self._metrics.partitions.set(len(self._positions))

    async def _open_partition(self, partition: int) -> None:
        watermark, refreshed, counted = await self._store.open(partition)
        if refreshed > self._catalog.value.version:
            await self._catalog.refresh()  # users must not fall behind what the last owner saw to
        await self._reader.seek(partition, watermark)
        self._positions[partition] = watermark
        self._refresher.open(partition, refreshed if counted else 0)

    def _close(self, partitions: Iterable[int]) -> None:
        closed = set(partitions)
        if closed:
            self._cache.drop(closed)
            self._store.close(closed)
            self._refresher.close(closed)
        for partition in closed:
            self._positions.pop(partition, None)

    async def _apply(self, partition: int, records: Sequence[Record], catalog: Catalog) -> None:
        begin = self._positions[partition]
        ahead = [record for record in records if record.offset >= begin]
        for batch in batches(ahead, self._partitions, lambda: self._store.room):
            writes = await self._fold(partition, batch, catalog)
            await self._put_aside(batch)  # after what fails again and again while a profile cannot be read
            if not await self._store.apply(partition, self._positions[partition], batch.end, writes):
                self._metrics.refused.inc()
                self._close([partition])
                return
            self._positions[partition] = batch.end
            for write in writes:
                self._cache.put(partition, write.member, write.state)
        self._metrics.applied.inc(len(records))
        self._metrics.observe_delay((self._now_ms() - records[-1].appended_ms) / 1000)
        await self._reader.applied(partition, self._positions[partition])

    async def _put_aside(self, batch: Batch) -> None:
        """Before the watermark passes them: at worst a crash puts them aside twice."""
        if batch.letters:
            await self._writer.dead_letter(batch.letters)
            self._metrics.dead_letters.inc(len(batch.letters))
        if batch.strays:
            await self._writer.append(batch.strays)
            self._metrics.strays.inc(len(batch.strays))

    async def _fold(self, partition: int, batch: Batch, catalog: Catalog) -> list[Write]:
        states = await self._states(partition, list(batch.facts))
        writes = []
        for (member, facts), before in zip(batch.facts.items(), states, strict=True):
            after = step(before, facts, catalog, self._keep, self._zones.of(keys.space_of(member)))
            if after is not before:
                writes.append(Write(member, before, after))
        return writes

    async def _states(self, partition: int, members: Sequence[str]) -> list[UserState]:
        cached = {member: self._cache.get(partition, member) for member in members}
        missing = [member for member, state in cached.items() if state is None]
        loaded = iter(await self._store.load(partition, missing) if missing else ())
        return [state or next(loaded) for state in cached.values()]


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Run calls side by side to their ends, then raise the first error among them."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
