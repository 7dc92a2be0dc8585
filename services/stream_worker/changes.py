"""All that a worker does for the changes stream beside applying records. One that does not tell has none of it."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from services.runtime.clock import Clock
from services.runtime.metrics import WorkerMetrics
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.time_zones import TimeZones
from services.stream_worker.cache import StateCache
from services.stream_worker.due import Due
from services.stream_worker.listener import Listener
from services.stream_worker.outbox import Publisher
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Telling, Tells

PARTITIONS_A_TURN = 8
NAP_S = 0.02


class ChangesStream:
    def __init__(
        self,
        store: UserStore,
        cache: StateCache,
        keep: KeepList,
        zones: TimeZones,
        tells: Tells,
        caught_up_ms: Callable[[int], int | None],
        metrics: WorkerMetrics,
        now_ms: Clock,
    ) -> None:
        self._store, self._now_ms = store, now_ms
        self._listener = Listener(store, tells.tail, consent_required=tells.consent_required)
        self.telling = Telling(store, keep, zones, tells, caught_up_ms, self._listener.waits, now_ms)
        self._due = Due(store, cache, self.telling)
        self._publisher = Publisher(store, tells.writer, self._listener.waits, metrics, now_ms)
        self._last = -1
        """The partition that was seen to last, so that each gets its turn."""

    def turn(self, positions: Mapping[int, int]) -> list[int]:
        """A few of the open partitions in which there is something to do, each in its turn.

        Has what waits be published meanwhile, for as long as it takes; `positions` is looked at all the time.
        """
        self._publisher.go_on(positions)
        self._listener.go_on(positions, partial(self._publisher.go_on, positions))
        waiting = [each for each in positions if self._is_waiting(each)]
        return sorted(waiting, key=lambda partition: (partition <= self._last, partition))[:PARTITIONS_A_TURN]

    async def step(self, partition: int, catalog: Catalog, position: int) -> bool:
        """Do a bounded part of it in one of them, given its watermark; returns whether the write was accepted."""
        self._last = partition
        if self._listener.is_ready(partition):
            return await self._listener.adopt(partition, position)
        if self._due.is_due(partition) and not await self._due.step(partition, catalog, position):
            return False
        removable = self._store.book(partition).removable
        return not removable or await self._store.apply(partition, position, position, [])

    async def close(self) -> None:
        """Waits for a moment at most."""
        await self._listener.close()
        await self._publisher.close()

    async def admits(self, partition: int) -> bool:
        """Whether records may be applied, or have to wait until more was published, or heard of what was. If so, it
        takes a moment, for what may not be applied is read again and again."""
        if self.telling.may_tell(partition):
            return True
        await asyncio.sleep(NAP_S)
        return False

    def trouble(self, positions: Mapping[int, int]) -> str | None:
        full = [partition for partition in positions if self.telling.is_full(partition)]
        return f"changes cannot be published: applying waits in partitions {full}" if full else None

    def show(self, metrics: WorkerMetrics, positions: Mapping[int, int]) -> None:
        """Have the metrics tell what waits whenever they are asked for."""
        metrics.outbox_changes.set_function(lambda: sum(self._store.book(each).waiting for each in positions))
        metrics.outbox_seconds.set_function(lambda: self._oldest_s(positions))

    def _is_waiting(self, partition: int) -> bool:
        book = self._store.book(partition)
        return bool(book.removable) or self._listener.is_ready(partition) or self._due.is_due(partition)

    def _oldest_s(self, positions: Mapping[int, int]) -> float:
        books = [self._store.book(partition) for partition in positions]
        since = (book.since_ms for book in books if book.unpublished)
        now_ms = self._now_ms()
        oldest_ms = min((moment for moment in since if moment is not None), default=now_ms)
        return max(0, now_ms - oldest_ms) / 1000
