"""Logging of what may happen at every lookup: seldom, however often it happens, and never of whom it is about."""

import logging
import time

_log = logging.getLogger(__name__)


class RareLog:
    """Logs errors under one message, at most once in `every_s` seconds."""

    def __init__(self, message: str, every_s: float = 10.0) -> None:
        self._message, self._every_s = message, every_s
        self._times = 0
        self._silent_until_s = 0.0

    def note(self, error: Exception) -> None:
        self._times += 1
        now_s = time.monotonic()
        if now_s >= self._silent_until_s:
            _log.error(self._message, extra={"error": type(error).__name__, "times": self._times}, exc_info=error)
            self._times, self._silent_until_s = 0, now_s + self._every_s
