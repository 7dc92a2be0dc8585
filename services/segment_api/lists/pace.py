"""How fast uploads go into the event log: behind the events of websites, which must not wait for a list.

An upload of millions is appended much faster than workers apply it, and everything after it in the log would wait for
it. So no more is appended than keeps the workers busy, and the rest waits here, unread.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.runtime.event_log.port import LogOffsets, LogUnavailable, LogWriter, Message
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, get_many
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import applied_at_least

MAX_LAG = 10_000
"""Records that may wait for the workers, in all: about a second of one worker's work."""
PATIENCE_S = 30.0
NAP_S = 0.05

Lag = Callable[[], Awaitable[int]]
"""How many records of the log are not applied yet. Raises LogUnavailable and REDIS_ERRORS."""


def lag_of(offsets: LogOffsets, redis: RedisClient, partitions: int) -> Lag:
    return partial(_lag, offsets, redis, [keys.watermark(number) for number in range(partitions)])


class PacedLog:
    """Appends when the workers are near. Shared by all uploads of a process."""

    def __init__(self, writer: LogWriter, lag: Lag, *, max_lag: int = MAX_LAG, patience_s: float = PATIENCE_S) -> None:
        self._writer, self._lag = writer, lag
        self._max_lag, self._patience_s = max_lag, patience_s
        self._room = 0

    async def append(self, messages: Sequence[Message]) -> None:
        """Return once the log has at most `max_lag` messages, waiting for that as long as patience lasts.

        Raises LogUnavailable: some may be in the log all the same, also more than once.
        """
        by_s = time.monotonic() + self._patience_s
        while not await self._appended(messages):
            if time.monotonic() > by_s:
                raise LogUnavailable("the log cannot take them, or the workers are too far behind")
            await asyncio.sleep(NAP_S)

    async def _appended(self, messages: Sequence[Message]) -> bool:
        try:
            if self._room < len(messages):
                self._room = self._max_lag - await self._lag()
            if self._room < len(messages):
                return False
            self._room -= len(messages)
            await self._writer.append(messages)
        except (LogUnavailable, *REDIS_ERRORS):
            return False
        return True


async def _lag(offsets: LogOffsets, redis: RedisClient, watermarks: Sequence[str]) -> int:
    applied = [applied_at_least(each) for each in await get_many(redis, watermarks)]
    ends = await offsets.ends()  # after the watermarks: the other way round, lag could be missed
    return sum(max(0, ends.get(partition, 0) - offset) for partition, offset in enumerate(applied))
