"""The trainer's loop: read the samples log, have each model learn its own, store where that has come, over and over.

Computing is done in a thread, one model at a time, so that the process answers meanwhile. A failure of Redis or of the
log ends a turn and leaves what is in memory as it is: the fence of the next write finds out if that is not right.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.runtime.errors import OperatorError
from services.runtime.event_log.port import LogUnavailable
from services.runtime.event_log.tail import LogTail, Stretch
from services.runtime.redis_client import REDIS_ERRORS
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.partitions import partition_of
from services.trainer.metrics import TrainerMetrics
from services.trainer.pupil import Pupil, Spoilt, Taken
from services.trainer.roll import Roll
from services.trainer.store import TrainingStore

PASSING = (*REDIS_ERRORS, LogUnavailable, OperatorError, TimeoutError)
"""What ends by itself, or when an operator has mended it: the trainer waits and tries again."""
MAX_RECORDS = 1_000
"""Read of one partition at a time; then the others have their turn."""
STORE_EVERY_S = 60.0
"""From one write of a training to the next, where no snapshot is made. What a kill loses is learned again."""
IDLE_S = 0.5
RETRY_S = 1.0

_log = logging.getLogger(__name__)


class Trainer:
    """`steady_s` is a clock that does not jump, in seconds."""

    def __init__(
        self,
        catalog: WatchedValue[Catalog],
        open_tail: Callable[[], Awaitable[LogTail]],
        partitions: int,
        store: TrainingStore,
        roll: Roll,
        metrics: TrainerMetrics,
        steady_s: Callable[[], float],
    ) -> None:
        self._catalog, self._open_tail, self._partitions = catalog, open_tail, partitions
        self._store, self._roll, self._metrics, self._steady_s = store, roll, metrics, steady_s
        self._tail: LogTail | None = None
        self._ends: Mapping[int, int] | None = None
        self._stored_s: dict[str, float] = {}
        self._made_s = steady_s()
        self.failing: str | None = None
        """What the last turn failed with; None when it went well."""

    @property
    def backlog(self) -> int | None:
        """Records that the log held at the last look and that are not learned; None while that is not known.

        A model that begins looks through the whole log for its first sample: until then it is not behind.
        """
        if self._ends is None or self.failing is not None:
            return None
        behind = [pupil for pupil in self._roll.pupils.values() if pupil.samples]
        nexts = {self._partition(each): each.position for each in sorted(behind, key=_position, reverse=True)}
        return sum(max(0, self._ends[partition] - position) for partition, position in nexts.items())

    @property
    def snapshot_age_s(self) -> float:
        """Since it stored a snapshot, or began."""
        return self._steady_s() - self._made_s

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; what was learned is stored then."""
        while not stopping.is_set():
            try:
                pause_s = 0.0 if await self._turn(stopping) else IDLE_S
                self._recovered()
            except Exception as error:
                self._failed(error)
                pause_s = RETRY_S
            await _wait(stopping, pause_s)
        await self._end()

    async def _turn(self, stopping: asyncio.Event) -> bool:
        """Whether there is more to learn at once."""
        await self._roll.call(self._catalog.value.registry)
        if not self._roll.pupils:
            self._ends = dict.fromkeys(range(self._partitions), 0)
            return False
        if self._tail is None:
            self._tail = await self._open_tail()
        self._ends = ends = await self._tail.ends()
        for partition, pupils in self._classes().items():
            if not stopping.is_set():
                await self._teach(self._tail, partition, ends[partition], pupils)
        await self._store_old(STORE_EVERY_S)
        return any(pupil.position < ends[self._partition(pupil)] for pupil in self._roll.pupils.values())

    async def _teach(self, tail: LogTail, partition: int, end: int, pupils: Sequence[Pupil]) -> None:
        for pupil in pupils:
            if pupil.position > end:
                _log.error("model %s: the samples log is shorter than it was: going on at its end", pupil.model_id)
                pupil.position = end
        begin = min(pupil.position for pupil in pupils)
        if begin < end:
            stretch = (await tail.read({partition: (begin, end)}, MAX_RECORDS))[partition]
            for pupil in pupils:
                await self._take(pupil, stretch)

    async def _take(self, pupil: Pupil, stretch: Stretch) -> None:
        while pupil.position < stretch.next or pupil.made:
            if pupil.made is None:
                try:
                    self._tell(pupil, await asyncio.to_thread(pupil.take, stretch))
                except Spoilt as spoilt:
                    await self._roll.spoil(pupil, spoilt)
                    return
            if pupil.made is not None and not await self._keep(pupil):
                return

    async def _keep(self, pupil: Pupil) -> bool:
        """Whether it may go on: nobody else has stored the training meanwhile."""
        try:
            state = await asyncio.to_thread(pupil.state)
        except Exception as error:
            await self._roll.stop(pupil.model_id, pupil.definition, f"to store it ends in {type(error).__name__}")
            return False
        made = pupil.made
        if not await self._store.keep(pupil, state, self._partition(pupil), self._catalog.value):
            _log.warning("model %s: another trainer is at work; going on from what it has stored", pupil.model_id)
            self._metrics.setbacks.inc()
            self._roll.send_away(pupil.model_id)
            return False
        self._roll.stored(pupil)
        pupil.stored()
        self._stored_s[pupil.model_id] = self._steady_s()
        if made is not None:
            _log.info("model %s: snapshot %d is stored", pupil.model_id, made.number)
            self._metrics.store_snapshot(pupil.model_id)
            self._made_s = self._steady_s()
        return True

    async def _store_old(self, age_s: float) -> None:
        now_s = self._steady_s()
        for pupil in [*self._roll.pupils.values()]:
            is_old = now_s - self._stored_s.setdefault(pupil.model_id, now_s) >= age_s
            if pupil.made or (is_old and not pupil.is_stored):
                await self._keep(pupil)

    async def _end(self) -> None:
        try:
            await self._store_old(0)
        except Exception as error:  # it will be learned again
            self._failed(error)
        if self._tail is not None:
            await self._tail.close()

    def _classes(self) -> Mapping[int, Sequence[Pupil]]:
        """The pupils by the partition that holds their samples."""
        found: defaultdict[int, list[Pupil]] = defaultdict(list)
        for pupil in self._roll.pupils.values():
            found[self._partition(pupil)].append(pupil)
        return found

    def _partition(self, pupil: Pupil) -> int:
        return partition_of(pupil.model_id, self._partitions)

    def _tell(self, pupil: Pupil, taken: Taken) -> None:
        self._metrics.observe(pupil.model_id, taken.learned, taken.refused, taken.lost)
        for reason, count in taken.refused.items():
            _log.warning("model %s: %d samples are left out: %s", pupil.model_id, count, reason)
        if taken.lost:
            _log.error("model %s: the log no longer holds %d records: going on behind", pupil.model_id, taken.lost)

    def _failed(self, error: Exception) -> None:
        # The text of what nobody foresaw may tell of users.
        name = str(error) if isinstance(error, OperatorError) else type(error).__name__
        self._metrics.failed_turns.inc()
        if name != self.failing:
            level = logging.WARNING if isinstance(error, PASSING) else logging.ERROR
            _log.log(level, "a turn failed, trying again: %s", name)
        self.failing = name

    def _recovered(self) -> None:
        if self.failing is not None:
            _log.warning("turns go well again")
        self.failing = None


def _position(pupil: Pupil) -> int:
    return pupil.position


async def _wait(stopping: asyncio.Event, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await stopping.wait()
    except TimeoutError:
        pass
