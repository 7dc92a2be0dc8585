"""Arithmetic of measurements: percentiles, the middle and spread of rounds, ratios, verdicts. Nothing here measures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from loadtests.bench.errors import BenchError


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The least value that `percent` of the values are not above: the nearest rank. `ordered` ascends, and is not
    empty."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


class Spread(NamedTuple):
    """What several rounds gave."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{short(self.middle)} ({short(self.low)} - {short(self.high)})"


def spread(values: Sequence[float]) -> Spread:
    """The median, the least and the greatest. Raises ValueError (StatisticsError) where there is none."""
    return Spread(median(values), min(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours by theirs, round by round: both of a round met the same minute of the machine.

    Raises BenchError where theirs is 0 or infinite: it did not do what it is the measure of.
    """
    if not all(math.isfinite(their) and their > 0 for their in theirs):
        raise BenchError("what Tranche is compared with gave no figure: is something else using the machine?")
    return [our / their for our, their in zip(ours, theirs, strict=True)]


class Verdict(StrEnum):
    GOAL = "goal reached"
    MUST = "must holds"
    MISSED = "MISSED"


@dataclass(frozen=True)
class Budget:
    """What a ratio has to be, and what it should be."""

    what: str
    must: float
    goal: float | None = None
    more_is_better: bool = True

    def verdict(self, measured: float) -> Verdict:
        if self.goal is not None and self._reaches(measured, self.goal):
            return Verdict.GOAL
        return Verdict.MUST if self._reaches(measured, self.must) else Verdict.MISSED

    def _reaches(self, measured: float, bound: float) -> bool:
        return measured >= bound if self.more_is_better else measured <= bound


@dataclass(frozen=True)
class Finding:
    """What was measured against a budget, one ratio a round. The verdict is that of the median."""

    budget: Budget
    ratios: Sequence[float]

    @property
    def spread(self) -> Spread:
        return spread(self.ratios)

    @property
    def verdict(self) -> Verdict:
        return self.budget.verdict(self.spread.middle)


def short(number: float) -> str:
    """Three digits that matter, without an exponent."""
    if math.isinf(number):
        return "never"
    if number == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{digits}f}"


def times(ratio: float) -> str:
    return short(ratio) if math.isinf(ratio) else f"{short(ratio)}x"


def percent(share: float) -> str:
    """`12 %`; what is little and not nothing is told as such."""
    return "< 0.1 %" if 0 < share < 0.001 else f"{short(share * 100)} %"
