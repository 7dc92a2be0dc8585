"""What a replay does to recorded time: how long to wait for an event, and what time to send it with."""

import time
from collections.abc import Callable

from services.replay.reader import Row

SHORTEST_WAIT_S = 0.02  # shorter waits would send a busy recording one event a request


class Pacer:
    """Holds a replay to `speed` times the recorded time; without a speed (None or 0) nothing ever waits.

    The first event is due at once, and so is one that is older than those before it. `shift_ms` is
    added to the time of every event that has one.
    """

    def __init__(
        self, speed: float | None = None, shift_ms: int = 0, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._speed = speed
        self._shift_ms = shift_ms
        self._clock_s = clock_s
        self._started: tuple[int, float] | None = None

    def shifted(self, event: Row) -> Row:
        """The event with the time that it is sent with."""
        if not self._shift_ms or event.get("ts") is None:
            return event
        return {**event, "ts": event["ts"] + self._shift_ms}

    def wait_s(self, ts_ms: int | None) -> float:
        """Seconds to wait before an event of this recorded time is sent; 0 when it is due."""
        if not self._speed or ts_ms is None:
            return 0.0
        now_s = self._clock_s()
        first_ts_ms, started_s = self._started = self._started or (ts_ms, now_s)
        ahead_s = started_s + (ts_ms - first_ts_ms) / 1000 / self._speed - now_s
        return max(ahead_s, SHORTEST_WAIT_S) if ahead_s > 0 else 0.0
