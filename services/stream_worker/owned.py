"""The partitions that this worker owns: which of them are open, where each is, and which are stopped.

The law: a partition is worked on only from the watermark that Redis tells, and only while the log holds what comes
next. Closing one forgets what this process believes of it. Those that have nothing to write are looked at every few
seconds: no refused write would tell that Redis has gone back to an earlier state, or that somebody has repaired it.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from services.runtime.event_log.port import LogReader, LogTrimmed
from services.runtime.metrics import WorkerMetrics
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.wire.watermark import NoWatermark
from services.stream_worker.cache import StateCache
from services.stream_worker.progress import Progress
from services.stream_worker.refresh import Refresher
from services.stream_worker.setbacks import Setbacks
from services.stream_worker.stopped import Stopped
from services.stream_worker.store import UserStore

LOOK_EVERY_S = 2.0

_log = logging.getLogger(__name__)


class OwnedPartitions:
    def __init__(
        self,
        reader: LogReader,
        store: UserStore,
        cache: StateCache,
        refresher: Refresher,
        catalog: WatchedValue[Catalog],
        metrics: WorkerMetrics,
    ) -> None:
        self._reader, self._store, self._cache = reader, store, cache
        self._refresher, self._catalog, self._metrics = refresher, catalog, metrics
        self.positions: dict[int, int] = {}
        """Of the open partitions, the offset of the next record to apply."""
        self.stopped, self.progress, self.setbacks = Stopped(), Progress(), Setbacks()
        self._look_at_s = 0.0

    async def close_overtaken(self) -> None:
        """Now and then: those that are no longer as this process left them."""
        if _now_s() >= self._look_at_s:
            self._look_at_s = _now_s() + LOOK_EVERY_S
            self.close(await self._store.overtaken(list(self.positions)))

    def follow_the_group(self) -> set[int]:
        """Close what is lost, or was lost meanwhile; returns the partitions that are to be opened."""
        owned, unopened = self._reader.assigned(), self._reader.unopened()
        self.close([partition for partition in self.positions if partition not in owned or partition in unopened])
        self.stopped.own(owned)
        self.progress.own(owned)
        resting = self.stopped.resting(_now_s()) | self.setbacks.resting(_now_s())
        return set(owned - self.positions.keys() - resting)

    async def open(self, partition: int) -> None:
        """Read it from its watermark on, unless it has to be stopped."""
        try:
            watermark, refreshed, counted = await self._store.open(partition)
        except NoWatermark as error:
            self.stopped.unfit(partition, error, _now_s())
            await self._reader.shut(partition)
            return
        if self.stopped.holds(partition, watermark, _now_s()):
            return
        newest = max(refreshed, self._store.newest(partition))
        if newest > self._catalog.value.version or self._store.tells:
            await self._catalog.refresh()  # users must not fall behind what the last owner saw to, or told
        await self._reader.seek(partition, watermark)
        self._note(partition, watermark)
        self._refresher.open(partition, refreshed if counted else 0)

    async def stop(self, told: LogTrimmed) -> None:
        self.close([told.partition])
        self.stopped.trimmed(told, _now_s())
        await self._reader.shut(told.partition)

    def close(self, partitions: Iterable[int]) -> None:
        closed = set(partitions)
        if closed:
            self._cache.drop(closed)
            self._store.close(closed)
            self._refresher.close(closed)
        for partition in closed:
            self.positions.pop(partition, None)

    def set_back(self, partitions: Sequence[int], reason: str, rest_s: float) -> None:
        """Work on them has failed: they are opened anew after a rest."""
        self.close(partitions)
        self.setbacks.note(partitions, reason, _now_s(), rest_s)

    def move(self, partition: int, position: int) -> None:
        """What comes before `position` is applied."""
        self.positions[partition] = position
        self.progress.applied(partition, position)

    def _note(self, partition: int, watermark: int) -> None:
        self.positions[partition] = watermark
        lost = self.progress.opened(partition, watermark)
        if lost:
            self._metrics.rewinds.inc()
            _log.warning("partition %d: Redis is back at %d; %d records are applied again", partition, watermark, lost)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
