"""Time cut into stretches, the nearer the finer. Everything that decides which stretch a moment is in lives here.

What is over is kept as one; the next hour is cut into minutes, the next day or two into hours, and all that
comes later into days (UTC). A stretch that comes near is split, and one that is over joins what is over: a
hierarchical timing wheel (Varghese and Lauck, SOSP 1987). A stretch is (begin, end], so what is over at its end is
all that happens up to and including that moment.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_MINUTES_AHEAD_MS = 5 * MINUTE_MS
_HOURS_AHEAD_MS = DAY_MS


class Stretch(NamedTuple):
    """The moments (begin_ms, begin_ms + length_ms]."""

    begin_ms: int
    length_ms: int

    @property
    def end_ms(self) -> int:
        return self.begin_ms + self.length_ms


class Wheel(NamedTuple):
    """How time is cut: what is over ends with a whole minute, the minutes end with an hour, the hours with a day."""

    over_ms: int
    minutes_ms: int
    hours_ms: int

    @classmethod
    def at(cls, now_ms: int) -> Self:
        """The wheel of somebody who has kept nothing yet."""
        return cls(
            _floor(now_ms, MINUTE_MS),
            _floor(now_ms + _MINUTES_AHEAD_MS, HOUR_MS) + HOUR_MS,
            _floor(now_ms + _HOURS_AHEAD_MS, DAY_MS) + DAY_MS,
        )

    @property
    def due_ms(self) -> int:
        """From when on the wheel is to be turned."""
        return min(
            self._stretch(self.over_ms).end_ms,
            self.minutes_ms - _MINUTES_AHEAD_MS,
            self.hours_ms - _HOURS_AHEAD_MS,
        )

    def holding(self, at_ms: int) -> Stretch:
        """The stretch that a moment is in which is not over."""
        length_ms = MINUTE_MS if at_ms <= self.minutes_ms else HOUR_MS if at_ms <= self.hours_ms else DAY_MS
        return Stretch(_floor(at_ms - 1, length_ms), length_ms)

    def ahead(self, until_ms: int) -> Iterator[Stretch]:
        """The stretches that are not over, in order, as far as they are needed to reach `until_ms`."""
        begin_ms = self.over_ms
        while begin_ms < until_ms:
            stretch = self._stretch(begin_ms)
            yield stretch
            begin_ms = stretch.end_ms

    def turned(self, now_ms: int) -> tuple[Stretch, Self] | None:
        """The next stretch to be kept another way, and the wheel from then on; None when nothing is due."""
        first = self._stretch(self.over_ms)
        if first.end_ms <= now_ms:
            over_ms = first.end_ms
            return first, type(self)(over_ms, max(over_ms, self.minutes_ms), max(over_ms, self.hours_ms))
        if self.minutes_ms - _MINUTES_AHEAD_MS <= now_ms and self.minutes_ms < self.hours_ms:
            return Stretch(self.minutes_ms, HOUR_MS), self._replace(minutes_ms=self.minutes_ms + HOUR_MS)
        if self.hours_ms - _HOURS_AHEAD_MS <= now_ms:
            return self.finer()
        return None

    def finer(self) -> tuple[Stretch, Self]:
        """The first day that is not cut into hours yet, and the wheel by which it is: days that hold much are cut
        before they come near."""
        return Stretch(self.hours_ms, DAY_MS), self._replace(hours_ms=self.hours_ms + DAY_MS)

    def _stretch(self, begin_ms: int) -> Stretch:
        return Stretch(begin_ms, self._length_ms(begin_ms))

    def _length_ms(self, begin_ms: int) -> int:
        if begin_ms < self.minutes_ms:
            return MINUTE_MS
        return HOUR_MS if begin_ms < self.hours_ms else DAY_MS


def _floor(at_ms: int, length_ms: int) -> int:
    return at_ms // length_ms * length_ms
