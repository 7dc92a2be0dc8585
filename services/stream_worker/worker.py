"""The worker's loop: poll the log, apply what came, refresh what an edit of the catalog made old.

The law: whenever anything fails or a write is refused, what this process believes of the partition is forgotten and it
is opened anew, from the watermark that Redis tells; the others go on. One whose next record is gone is stopped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from math import inf

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
from services.stream_worker.batch import Batch, batches, homes
from services.stream_worker.cache import StateCache
from services.stream_worker.changes import ChangesStream
from services.stream_worker.failing import reason_of
from services.stream_worker.owned import OwnedPartitions
from services.stream_worker.pace import Pace
from services.stream_worker.refresh import Refresher
from services.stream_worker.sampler import Sampler
from services.stream_worker.store import Overtaken, UnreadableProfile, UserStore
from services.stream_worker.telling import Tells
from services.stream_worker.upkeep import Upkeep
from services.stream_worker.write import Write

PASSING = (*REDIS_ERRORS, LogUnavailable, TimeoutError)
"""What ends by itself: the worker waits and tries again."""
AT_ONCE = 8
"""Partitions that are worked on while the others wait: enough to keep Redis and this process busy. All users of a batch
are in memory beside the cache, so these bound it too."""
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
        tells: Tells | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self._reader, self._writer, self._store, self._cache = reader, writer, store, cache
        self._catalog, self._keep, self._zones = catalog, keep, zones
        self._home_of, self._max_records = homes(partitions), max_records
        self._metrics, self._now_ms, self._sampler = metrics, now_ms, sampler
        self._changes = None
        if tells:
            self._changes = ChangesStream(store, cache, keep, zones, tells, self._caught_up_ms, metrics, now_ms)
        self._refresher = Refresher(store, cache, zones, self._changes.telling if self._changes else None)
        self._pace, self._upkeep = Pace(), Upkeep(store)
        self._at_work = asyncio.Semaphore(AT_ONCE)
        self.owned = OwnedPartitions(reader, store, cache, self._refresher, catalog, metrics)
        self._positions = self.owned.positions
        self._aside: dict[int, tuple[int, int]] = {}
        """Of a partition, up to where things were put aside when it was at which watermark."""
        if self._changes:
            self._changes.show(metrics, self._positions)
        self.failing: str | None = None
        """What work failed with lately; None when it goes well."""
        self.pulse = 0
        """Goes up with every sign of life."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set."""
        try:
            while not stopping.is_set():
                self._tell(await self._try_turn())
                self.pulse += 1
        finally:
            if self._changes:
                await self._changes.close()

    async def _try_turn(self) -> str | None:
        """Returns what keeps it from its work, be it only that on some partitions."""
        try:
            await self._turn()
        except PASSING as error:  # the log itself
            self._fail(list(self._positions), reason_of(error))
            await asyncio.sleep(RETRY_S)
        full = self._changes.trouble(self._positions) if self._changes else None
        if full:
            await asyncio.sleep(RETRY_S)  # what may not be applied is read again and again
        return self.owned.setbacks.reason(asyncio.get_running_loop().time()) or full

    def _tell(self, failing: str | None) -> None:
        if failing and failing != self.failing:
            _log.warning("work fails, trying again: %s", failing)
        if self.failing and not failing:
            _log.info("work goes well again")
        self.failing = failing

    async def _turn(self) -> None:
        await self._contained([], self.owned.close_overtaken())
        await asyncio.gather(
            *(self._contained([each], self.owned.open(each)) for each in self.owned.follow_the_group())
        )
        self._metrics.partitions.set(len(self._positions))
        catalog = self._catalog.value
        waiting = self._upkeep.due(self._positions) or self._to_tell()
        records = await self._poll(0 if waiting else min(POLL_S, self._rest_s(catalog)))
        by_partition = groupby(records, key=lambda record: record.partition)
        await asyncio.gather(
            *(
                self._contained([partition], self._in_turn(partition, list(group), catalog))
                for partition, group in by_partition
                if partition in self._positions
            )
        )
        await self._bring_up(catalog)
        await self._one_by_one(self._upkeep.turn(self._positions), self._see_to_counts)
        await self._one_by_one(self._to_tell(), partial(self._tell_changes, catalog=catalog))

    def _rest_s(self, catalog: Catalog) -> float:
        """For how long the background pass has nothing to do: for models alone it takes a part of the time."""
        if not self._refresher.pending(catalog):
            return inf
        return 0.0 if self._refresher.is_urgent(catalog) else self._pace.left_s(asyncio.get_running_loop().time())

    async def _bring_up(self, catalog: Catalog) -> None:
        if not self._rest_s(catalog):
            begun_s = asyncio.get_running_loop().time()
            await self._one_by_one(self._refresher.turn(catalog), partial(self._refresh, catalog=catalog))
            self._pace.note(begun_s, asyncio.get_running_loop().time())

    async def _poll(self, timeout_s: float) -> Sequence[Record]:
        try:
            return await self._reader.poll(self._max_records, timeout_s)
        except LogTrimmed as told:
            await self.owned.stop(told)
            return ()

    async def _one_by_one(self, partitions: Iterable[int], work: Callable[[int], Awaitable[bool]]) -> None:
        """Do what is in no hurry, up to the first that fails: where Redis is away, the others would wait in vain too.
        In the next turn they come first."""
        for partition in partitions:
            if not await self._contained([partition], self._as_owner(partition, work)):
                return

    async def _as_owner(self, partition: int, work: Callable[[int], Awaitable[bool]]) -> None:
        """Work that returns whether it was written."""
        if not await work(partition):
            raise Overtaken(partition)

    async def _contained(self, partitions: Sequence[int], work: Awaitable[None]) -> bool:
        """Do work on some partitions. If it fails they are opened anew in a moment, and the others go on."""
        try:
            await work
        except PASSING as error:
            self._fail(partitions, reason_of(error))
        except Overtaken as error:
            self._metrics.refused.inc()
            self._close([error.partition])
        except UnreadableProfile as error:
            _log.error("trying again: %s", error)
            self._fail([error.partition], type(error).__name__)
        except Exception as error:  # its text may tell of users
            _log.error("trying again with partitions %s: %s", list(partitions), type(error).__name__)
            self._fail(partitions, type(error).__name__)
        else:
            return True
        finally:
            self.pulse += 1
        return False

    def _fail(self, partitions: Sequence[int], reason: str) -> None:
        self._metrics.failed_turns.inc()
        self.owned.set_back(partitions, reason, RETRY_S)

    async def _refresh(self, partition: int, catalog: Catalog) -> bool:
        return await self._refresher.step(partition, catalog, self._positions[partition])

    async def _see_to_counts(self, partition: int) -> bool:
        return await self._upkeep.step(partition, self._positions[partition])

    def _caught_up_ms(self, partition: int) -> int | None:
        return self.owned.progress.caught_up_ms(partition)

    def _to_tell(self) -> list[int]:
        return self._changes.turn(self._positions) if self._changes else []

    async def _tell_changes(self, partition: int, catalog: Catalog) -> bool:
        assert self._changes
        return await self._changes.step(partition, catalog, self._positions[partition])

    def _close(self, partitions: Iterable[int]) -> None:
        self.owned.close(partitions)

    async def _in_turn(self, partition: int, records: Sequence[Record], catalog: Catalog) -> None:
        async with self._at_work:
            await self._apply(partition, records, catalog)

    async def _apply(self, partition: int, records: Sequence[Record], catalog: Catalog) -> None:
        begin = self._positions[partition]
        if self._changes and not await self._changes.admits(partition):
            await self._reader.seek(partition, begin)
            return
        ahead = [record for record in records if record.offset >= begin]
        self.owned.progress.reached(partition, records[0].appended_ms)
        for batch in batches(ahead, self._home_of, lambda: self._store.room, placed=self._changes is not None):
            writes = await self._fold(partition, batch, catalog)
            await self._put_aside(partition, batch)
            if not await self._store.apply(partition, self._positions[partition], batch.end, writes):
                raise Overtaken(partition)
            self.owned.move(partition, batch.end)
            self.pulse += 1
            for write in writes:
                self._cache.put(partition, write.member, write.state)
            if self._sampler:
                self._sampler.take(writes, catalog)
        self.owned.progress.reached(partition, records[-1].appended_ms)
        if self._changes:
            self._changes.telling.applied(partition, records[-1].appended_ms)
        self._metrics.applied.inc(len(records))
        self._metrics.observe_delay((self._now_ms() - records[-1].appended_ms) / 1000)
        await self._reader.applied(partition, self._positions[partition])

    async def _put_aside(self, partition: int, batch: Batch) -> None:
        """Before the watermark passes them. As long as it has not, they are not put aside again by this process."""
        position = self._positions[partition]
        head, done = self._aside.get(partition, (position, 0))
        letters = [letter for letter in batch.letters if head != position or letter.offset >= done]
        strays = [message for offset, message in batch.strays if head != position or offset >= done]
        if letters:
            await self._writer.dead_letter(letters)
            self._metrics.dead_letters.inc(len(letters))
        if strays:
            await self._writer.append(strays)
            self._metrics.strays.inc(len(strays))
        if letters or strays:
            self._aside[partition] = position, batch.end

    async def _fold(self, partition: int, batch: Batch, catalog: Catalog) -> list[Write]:
        states = await self._states(partition, list(batch.facts))
        if self._changes:
            return await self._changes.telling.fold(partition, batch, states, catalog)
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
