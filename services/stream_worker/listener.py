"""Reads the changes log behind what the owner of a partition knows of it, and makes what consumers know its own.

The law: what is found there that Redis knows nothing of was told in a time that Redis has lost, and is adopted by a
write of the owner. Until what there is has been heard, nothing more is told; where the changes log is away, only for
a while. It is read by a task beside the worker's turns.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from services.runtime.event_log.tail import LogTail, Stretch
from services.segmentation.changes import Told
from services.segmentation.wire.changes import decode_spoken
from services.stream_worker.ear import Ear
from services.stream_worker.store import UserStore

LISTEN_EVERY_S = 1.0
RETRY_S = 0.5
PATIENCE_S = 5.0
MAX_RECORDS = 1_000
ENTRIES = 1_000_000
"""More than an outbox holds."""
CLOSE_S = 1.0

_log = logging.getLogger(__name__)


class Listener:
    def __init__(self, store: UserStore, tail: LogTail, *, consent_required: bool) -> None:
        self._store, self._tail, self._consents = store, tail, int(consent_required)
        self._listen_at_s = 0.0
        self._failing: str | None = None
        self._since_s: dict[Ear, float] = {}
        """Since when there has been something to hear first."""
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def go_on(self, positions: Mapping[int, int], heard: Callable[[], None]) -> None:
        """Have the changes log be read, if it is time to; `heard` is called when that is done."""
        ears = {partition: self._store.book(partition).ear for partition in positions}
        self._since_s = {ear: self._since_s.get(ear, _now_s()) for ear in ears.values() if ear.listening}
        ears = {partition: ear for partition, ear in ears.items() if not ear.is_ready}
        if ears and not self._closed and (self._task is None or self._task.done()) and self._is_time(ears):
            self._task = asyncio.create_task(self._listen(ears, heard))

    def waits(self, partition: int) -> bool:
        """Whether nothing may be told of a partition before more was heard."""
        ear = self._store.book(partition).ear
        return ear.listening and _now_s() - self._since_s.get(ear, _now_s()) < PATIENCE_S

    def is_ready(self, partition: int) -> bool:
        """Whether there is something to adopt."""
        return self._store.book(partition).ear.is_ready

    async def adopt(self, partition: int, position: int) -> bool:
        """Make what consumers know what was told, given the watermark; returns whether the write was accepted."""
        ear = self._store.book(partition).ear
        for entry in await self._store.outbox(partition, None, ENTRIES):
            for _user, value in entry.changes:
                if spoken := decode_spoken(value):
                    ear.hearing.wait(spoken)
        lost = {member: each for member, each in ear.hearing.heard.items() if each.lost}
        known = await self._store.load_told(partition, list(lost))
        found = [
            (member, each.added_to(told or Told(0, consents=self._consents)))
            for (member, each), told in zip(lost.items(), known, strict=True)
        ]
        ear.adopting = [(member, told) for member, told in found if told is not None]
        _log.warning("partition %d: changes of %d users were told that Redis has lost", partition, len(lost))
        return await self._store.apply(partition, position, position, [])

    async def close(self) -> None:
        """Listen no more. Waits for a moment at most."""
        self._closed = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSE_S)

    def _is_time(self, ears: Mapping[int, Ear]) -> bool:
        hurries = not self._failing and any(ear.listening for ear in ears.values())
        return hurries or _now_s() >= self._listen_at_s

    async def _listen(self, ears: Mapping[int, Ear], heard: Callable[[], None]) -> None:
        failing, pause_s = None, RETRY_S
        try:
            pause_s = LISTEN_EVERY_S if await self._hear(ears) else 0
        except Exception as error:  # its text may tell of users
            failing = type(error).__name__
        if failing != self._failing:
            _log.warning("the changes log %s", f"cannot be read: {failing}" if failing else "can be read again")
        self._failing, self._listen_at_s = failing, _now_s() + pause_s
        heard()

    async def _hear(self, ears: Mapping[int, Ear]) -> bool:
        """Returns whether that was all."""
        ends = await self._tail.ends()
        behind = {each: (ear.ends(ends[each]), ends[each]) for each, ear in ears.items()}
        wanted = {each: stretch for each, stretch in behind.items() if stretch[0] < stretch[1]}
        found = await self._tail.read(wanted, MAX_RECORDS) if wanted else {}
        for each, ear in ears.items():
            ear.take(found.get(each) or Stretch((), behind[each][0]))
        return all(stretch.next >= ends[each] for each, stretch in found.items())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
