"""By how much the memory of a process grows, once it has what it needs: the sign of a leak."""

from statistics import linear_regression
from typing import NamedTuple

EVERY_S = 30.0
"""So often a sample is kept: a day of them is few, and an hour enough."""
LEAST_S = 600.0
"""Over less, what an allocator does now and then is all that there is to see."""
LONG_ENOUGH_S = 2 * (LEAST_S + EVERY_S)
"""A run has to be as long for a growth to be told."""
FULL = 0.999
"""The part of the most that a cache ever held."""
MB = 1e6


class _Sample(NamedTuple):
    at_s: float
    memory_bytes: float
    cached: float


class MemoryGrowth:
    """Of one process. Caches fill at first, so only the later half of the time counts, and of that what comes after.

    A process tells how full its cache is, if it has one, in whatever unit. Of what it remembers it tells the bytes: the
    most that it ever was is not the process's own, as memory that is free again is seldom given back.
    """

    def __init__(self) -> None:
        self._samples: list[_Sample] = []
        self._remembered_bytes = 0.0

    def see(self, at_s: float, memory_bytes: float, remembered_bytes: float = 0.0, cached: float = 0.0) -> None:
        self._remembered_bytes = max(self._remembered_bytes, remembered_bytes)
        if not self._samples or at_s - self._samples[-1].at_s >= EVERY_S:
            self._samples.append(_Sample(at_s, memory_bytes - self._remembered_bytes, cached))

    @property
    def mb_per_h(self) -> float | None:
        """The slope of the straight line through the samples; None where they are of too short a time."""
        full_s = self._full_s()
        at_rest = [each for each in self._later_half() if each.at_s >= full_s]
        if _span_s(at_rest) < LEAST_S:
            return None
        slope = linear_regression([each.at_s for each in at_rest], [each.memory_bytes for each in at_rest]).slope
        return slope * 3_600 / MB

    @property
    def was_filling(self) -> bool:
        """Whether it is a cache that did not rest for long enough, and nothing else, that keeps a growth from being
        told."""
        return self.mb_per_h is None and _span_s(self._later_half()) >= LEAST_S

    def _full_s(self) -> float:
        """When the cache was full for the first time; it may lose some again."""
        enough = FULL * max((each.cached for each in self._samples), default=0.0)
        return next((each.at_s for each in self._samples if each.cached >= enough), 0.0)

    def _later_half(self) -> list[_Sample]:
        samples = self._samples
        return [each for each in samples if each.at_s >= (samples[0].at_s + samples[-1].at_s) / 2]


def _span_s(samples: list[_Sample]) -> float:
    return samples[-1].at_s - samples[0].at_s if samples else 0.0
