"""How long things took, in buckets that grow with the value: a quantile is never told as less than it was.

Log-linear as in HdrHistogram (G. Tene): 256 buckets for each power of two, so a quantile is too high by 0.4 % at most.
The maximum is exact. Histograms of several processes and seconds add up without loss.
"""

import math
from collections.abc import Mapping
from typing import Any, Self

_BITS = 9
_HALF = 1 << (_BITS - 1)


class Histogram:
    """Counts of durations in whole microseconds."""

    __slots__ = ("counts", "max_us", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.max_us = 0

    def record_s(self, seconds: float) -> None:
        """Less than nothing, which only a clock's grain makes, counts as nothing."""
        self.record_us(max(0, round(seconds * 1e6)))

    def record_us(self, value_us: int) -> None:
        bucket = _bucket(value_us)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1
        self.max_us = max(self.max_us, value_us)

    def add(self, other: "Histogram") -> None:
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total
        self.max_us = max(self.max_us, other.max_us)

    def quantile_ms(self, part: float) -> float | None:
        """The least bucket end, in milliseconds, that `part` (0 to 1) of the values do not exceed; None of nothing."""
        rank, seen = max(1, math.ceil(part * self.total)), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(_highest_us(bucket), self.max_us) / 1000
        return None

    @property
    def max_ms(self) -> float | None:
        return self.max_us / 1000 if self.total else None

    def as_json(self) -> dict[str, Any]:
        return {"max_us": self.max_us, "counts": {str(bucket): count for bucket, count in self.counts.items()}}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        histogram = cls()
        histogram.counts = {int(bucket): count for bucket, count in told["counts"].items()}
        histogram.total = sum(histogram.counts.values())
        histogram.max_us = told["max_us"]
        return histogram


def _bucket(value_us: int) -> int:
    shift = max(0, value_us.bit_length() - _BITS)
    return shift * _HALF + (value_us >> shift)


def _highest_us(bucket: int) -> int:
    shift = max(0, bucket // _HALF - 1)
    return ((bucket - shift * _HALF + 1) << shift) - 1
