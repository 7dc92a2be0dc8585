"""How good a score was, from what it said and what turned out to be true."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from services.model_tools.hindsight import Judged

DECILES = 10
_Z = 1.96
"""For an interval that holds the truth in 95 of 100 cases."""


class Bin(NamedTuple):
    """Users of whom about the same was said."""

    said: float
    """On average."""
    rate: float
    """The part of them for whom it was true."""
    low: float
    high: float
    """Between these it is likely to be in the long run (Wilson, 1927)."""
    users: int


def base_rate(judged: Sequence[Judged]) -> float:
    return sum(each.was_true for each in judged) / len(judged)


def auc(judged: Sequence[Judged]) -> float | None:
    """The chance that of one for whom it was true and one for whom not, the first had the higher score (Mann and
    Whitney, 1947); None where there is only one sort."""
    positives = sum(each.was_true for each in judged)
    negatives = len(judged) - positives
    if not positives or not negatives:
        return None
    ranks = 0.0
    for begin, end, true in _equal_scores(sorted(judged)):
        ranks += true * (begin + end + 1) / 2
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def hits(judged: Sequence[Judged], part: float) -> float:
    """How many of the highest scores, the `part` of all, were right. Of equal scores as many as are likely."""
    wanted, found = part * len(judged), 0.0
    for begin, end, true in _equal_scores(sorted(judged, key=lambda each: -each.said)):
        if begin >= wanted:
            break
        found += true * min(1.0, (wanted - begin) / (end - begin))
    return found


def lift(judged: Sequence[Judged], part: float) -> float | None:
    """How many times more often it was true of the highest scores than of all; None where it never was."""
    positives = sum(each.was_true for each in judged)
    return hits(judged, part) / (part * positives) if positives else None


def lift_by_decile(judged: Sequence[Judged]) -> list[float]:
    """From the highest scores to the lowest. It has to have been true of some."""
    found = [hits(judged, decile / DECILES) for decile in range(DECILES + 1)]
    expected = found[-1] / DECILES
    return [(found[decile + 1] - found[decile]) / expected for decile in range(DECILES)]


def bins(judged: Sequence[Judged], number: int = DECILES) -> list[Bin]:
    """From the lowest scores to the highest, about as many users in each; equal scores are in the same one."""
    told = sorted(judged, key=lambda each: each.said)
    found: list[list[Judged]] = [[]]
    for begin, end, _ in _equal_scores(told):
        if len(found[-1]) >= len(told) / number:
            found.append([])
        found[-1] += told[begin:end]
    return [_bin(each) for each in found if each]


def _bin(judged: Sequence[Judged]) -> Bin:
    users, rate = len(judged), base_rate(judged)
    centre = (rate + _Z**2 / (2 * users)) / (1 + _Z**2 / users)
    reach = _Z * math.sqrt(rate * (1 - rate) / users + _Z**2 / (4 * users**2)) / (1 + _Z**2 / users)
    said = math.fsum(each.said for each in judged) / users
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    return Bin(said, rate, min(rate, low), max(rate, high), users)


def _equal_scores(told: Sequence[Judged]) -> list[tuple[int, int, int]]:
    """Of each stretch of equal scores: where it begins and ends, and for how many of it was true."""
    found: list[tuple[int, int, int]] = []
    begin = 0
    for end in range(1, len(told) + 1):
        if end == len(told) or told[end].said != told[begin].said:
            found.append((begin, end, sum(each.was_true for each in told[begin:end])))
            begin = end
    return found
