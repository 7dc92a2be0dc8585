"""By how much the memory of a process grows, once it has what it needs: the sign of a leak."""

from statistics import linear_regression

EVERY_S = 30.0
"""So often a sample is kept: a day of them is few, and an hour enough."""
LEAST_S = 600.0
"""Over less, what an allocator does now and then is all that there is to see."""
LONG_ENOUGH_S = 2 * (LEAST_S + EVERY_S)
"""A run has to be as long for a growth to be told."""
MB = 1e6


class MemoryGrowth:
    """Of one process. Caches fill at first, so only the later half of the time counts.

    Of a cache that goes on filling for longer the process tells the size. The most that it ever had is not the
    process's own, as memory that is free again is seldom given back.
    """

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []
        self._remembered_bytes = 0.0

    def see(self, at_s: float, memory_bytes: float, remembered_bytes: float = 0.0) -> None:
        self._remembered_bytes = max(self._remembered_bytes, remembered_bytes)
        if not self._samples or at_s - self._samples[-1][0] >= EVERY_S:
            self._samples.append((at_s, memory_bytes - self._remembered_bytes))

    @property
    def mb_per_h(self) -> float | None:
        """The slope of the straight line through the samples; None where they are of too short a time."""
        if not self._samples:
            return None
        half_s = (self._samples[0][0] + self._samples[-1][0]) / 2
        later = [sample for sample in self._samples if sample[0] >= half_s]
        if later[-1][0] - later[0][0] < LEAST_S:
            return None
        moments, sizes = zip(*later, strict=True)
        return linear_regression(moments, sizes).slope * 3_600 / MB
