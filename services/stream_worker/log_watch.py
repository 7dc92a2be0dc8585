"""Asks the log now and then for what it holds, beside the worker's loop: that this fails never hurts the loop."""

import asyncio
import logging

from services.runtime.clock import Clock
from services.runtime.event_log.port import LogOffsets
from services.stream_worker.progress import Progress
from services.stream_worker.stopped import Stopped

EVERY_S = 2.0

_log = logging.getLogger(__name__)


class LogWatch:
    def __init__(
        self, offsets: LogOffsets, progress: Progress, stopped: Stopped, now_ms: Clock, every_s: float = EVERY_S
    ) -> None:
        self._offsets, self._progress, self._stopped, self._now_ms = offsets, progress, stopped, now_ms
        self._every_s = every_s

    async def follow(self) -> None:
        """Ask again and again, until cancelled. A failure is logged when it begins and when it is over."""
        failing: str | None = None
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # redis-py sometimes swallows the cancellation itself
            outcome = await self._try()
            if outcome != failing:
                _log.warning("the log's ends: %s", f"cannot ask now: {outcome}" if outcome else "can ask again")
            failing = outcome
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Ask now. Raises LogUnavailable."""
        asked_ms = self._now_ms()
        ends = await self._offsets.ends()
        self._progress.learn(ends, asked_ms)
        if self._stopped:
            self._stopped.learn(await self._offsets.begins(), ends)

    async def _try(self) -> str | None:
        """The name of what went wrong. Anything may: the end of the following would go unnoticed."""
        try:
            await self.look()
        except Exception as error:
            return type(error).__name__
        return None
