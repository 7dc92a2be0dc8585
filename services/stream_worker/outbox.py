"""Publishes what waits in the outboxes: to the changes log, in order, and then out of the outbox.

The law: an entry leaves the outbox only after the changes log has confirmed it, and only with a write of the owner. So
each change is published at least once, and for the first time in the order in which it was told. What was seen in the
changes log is not published again.

It is done by a task beside the worker's turns, which wait for neither the changes log nor the outboxes. What keeps one
partition from being published keeps no other.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogWriter, Message
from services.runtime.metrics import WorkerMetrics
from services.stream_worker.book import Waiting
from services.stream_worker.ear import Ear
from services.stream_worker.store import UserStore

PARTITIONS_AT_ONCE = 4
ENTRIES_AT_ONCE = 5
"""Of a partition. An entry is what one script told: some thousand changes at most, more or less, and usually few."""
MESSAGES_AT_ONCE = 1_000
RETRY_MS = 500
CLOSE_S = 1.0

_log = logging.getLogger(__name__)


class Publisher:
    def __init__(
        self,
        store: UserStore,
        writer: LogWriter,
        waits: Callable[[int], bool],
        metrics: WorkerMetrics,
        now_ms: Clock,
    ) -> None:
        """`waits` tells of a partition whether nothing may be published of it yet."""
        self._store, self._writer, self._waits = store, writer, waits
        self._metrics, self._now_ms = metrics, now_ms
        self._failing: dict[int, str] = {}
        """By partition, what kept it from being published the last time."""
        self._retry_ms: dict[int, int] = {}
        self._last = -1
        """The partition whose turn it was last."""
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def go_on(self, positions: Mapping[int, int]) -> None:
        """Have what waits in the open partitions be published; `positions` is looked at for as long as that takes."""
        if not self._closed and (self._task is None or self._task.done()) and self._turn(positions):
            self._task = asyncio.create_task(self._publish(positions))

    async def close(self) -> None:
        """Publish no more. Waits for a moment at most."""
        self._closed = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSE_S)

    async def _publish(self, positions: Mapping[int, int]) -> None:
        while not self._closed and (turn := self._turn(positions)):
            self._last = turn[-1]
            before = set(self._failing.values())
            self._failing = {each: reason for each, reason in self._failing.items() if each in positions}
            await asyncio.gather(*(self._publish_of(partition) for partition in turn))
            _tell(before, set(self._failing.values()))

    def _turn(self, positions: Mapping[int, int]) -> list[int]:
        now_ms = self._now_ms()
        waiting = [each for each in positions if self._store.book(each).unpublished and not self._waits(each)]
        ready = [each for each in waiting if self._rest_is_over(each, now_ms)]
        return sorted(ready, key=lambda partition: (partition <= self._last, partition))[:PARTITIONS_AT_ONCE]

    def _rest_is_over(self, partition: int, now_ms: int) -> bool:
        """Or the clock was put back."""
        return not 0 < self._retry_ms.get(partition, 0) - now_ms <= RETRY_MS

    async def _publish_of(self, partition: int) -> None:
        """Publish a bounded number of entries of a partition, which may be closed meanwhile: then some come again."""
        book = self._store.book(partition)
        try:
            entries = await self._store.outbox(partition, book.last_published, ENTRIES_AT_ONCE)
            book.found(entries)
            await self._append([message for entry in entries for message in _of(partition, entry, book.ear)])
        except Exception as error:  # its text may tell of users
            self._failing[partition] = type(error).__name__
            self._retry_ms[partition] = self._now_ms() + RETRY_MS
            return
        self._failing.pop(partition, None)
        book.publish(entries)
        if not entries:  # what was counted is not there
            self._retry_ms[partition] = self._now_ms() + RETRY_MS

    async def _append(self, messages: Sequence[Message]) -> None:
        for begin in range(0, len(messages), MESSAGES_AT_ONCE):
            some = messages[begin : begin + MESSAGES_AT_ONCE]
            await self._writer.append(some)
            self._metrics.changes.inc(len(some))


def _of(partition: int, entry: Waiting, ear: Ear) -> list[Message]:
    return [Message(partition, user_id.encode(), value) for user_id, value in entry.changes if not ear.has_seen(value)]


def _tell(before: set[str], now: set[str]) -> None:
    if now != before:
        _log.warning("changes %s", f"cannot be published: {sorted(now)}" if now else "can be published again")
