"""The curves on which raw scores are read, as a part of the population or as a probability. All are made here."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, groupby
from math import exp
from operator import itemgetter
from typing import NamedTuple

from services.segmentation.models.snapshots import Knots

MOST_BINS = 20
FEWEST_IN_A_BIN = 25
MOST_SHIFT = 5.0
"""Of the logarithm of odds."""
_PARTS = (*(part / 100 for part in range(100)), *(0.99 + part / 1_000 for part in range(1, 10)), 1.0)
"""Where a curve of percentiles has its knots: every hundredth, and the thousandths of the last."""


class _Level(NamedTuple):
    raw: float
    rank: float
    """The part of all that is lower, and half of those who are the same: what is tied lies in the middle."""
    part: float
    """That is no higher."""


class _Pool(NamedTuple):
    raw: float
    rate: float
    size: int


def percentiles(raws: Sequence[float]) -> Knots:
    """Reads a raw score as the part of these users, at least one, that has a lower one.

    Users with the same score get the middle of the ranks that they share, so that "at least 0.95" takes a group of
    equals in or leaves it out, whichever comes nearer to one in twenty.
    """
    levels = _levels(raws)
    parts = [level.part for level in levels]
    at_parts = (levels[min(bisect_right(parts, part), len(levels) - 1)] for part in _PARTS)
    return tuple(dict.fromkeys((level.raw, level.rank) for level in at_parts))


def probabilities(scored: Sequence[tuple[float, bool]]) -> Knots:
    """Reads a raw score as how often a label is true: isotonic over bins of as many, by pooling adjacent violators
    (Ayer et al., 1955). `scored` are raw scores, at least one, with labels that no score was learned from.
    """
    pools: list[_Pool] = []
    base = sum(label for _, label in scored) / len(scored)
    for each in _bins(scored):
        pools.append(_pool(each, base))
        while len(pools) > 1 and pools[-2].rate >= pools[-1].rate:
            pools[-2:] = [_merged(*pools[-2:])]
    return tuple((pool.raw, pool.rate) for pool in pools)


def shifted(curve: Knots, raws: Sequence[float], rate: float) -> Knots:
    """The curve of probabilities with the same odds between any two scores, and `rate` as the mean of these scores'."""
    parts = _parts(curve, raws)
    low, high = -MOST_SHIFT, MOST_SHIFT
    for _ in range(40):
        middle = (low + high) / 2
        mean = sum(part * knot[1] for part, knot in zip(parts, _moved(curve, middle), strict=True))
        low, high = (middle, high) if mean < rate else (low, middle)
    return _moved(curve, (low + high) / 2)


def _parts(curve: Knots, raws: Sequence[float]) -> list[float]:
    """How much each knot is of the mean on the curve: it is a weighted sum of theirs."""
    parts = [0.0] * len(curve)
    for raw in raws:
        above = bisect_right(curve, raw, key=itemgetter(0))
        if 0 < above < len(curve):
            (left, _), (right, _) = curve[above - 1 : above + 1]
            nearness = (raw - left) / (right - left)
            parts[above - 1] += (1 - nearness) / len(raws)
            parts[above] += nearness / len(raws)
        else:
            parts[min(above, len(curve) - 1)] += 1 / len(raws)
    return parts


def _moved(curve: Knots, shift: float) -> Knots:
    factor = exp(shift)
    return tuple((raw, rate * factor / (1 - rate + rate * factor)) for raw, rate in curve)


def _levels(raws: Sequence[float]) -> list[_Level]:
    sizes = [(raw, len(list(same))) for raw, same in groupby(sorted(raws))]
    ends = accumulate(size for _, size in sizes)
    return [
        _Level(raw, (end - size / 2) / len(raws), end / len(raws)) for (raw, size), end in zip(sizes, ends, strict=True)
    ]


def _bins(scored: Sequence[tuple[float, bool]]) -> list[list[tuple[float, bool]]]:
    """What is tied stays together."""
    count = max(1, min(MOST_BINS, len(scored) // FEWEST_IN_A_BIN))
    ranks = {level.raw: level.rank for level in _levels([raw for raw, _ in scored])}
    return [list(each) for _, each in groupby(sorted(scored), lambda one: int(ranks[one[0]] * count))]


def _pool(scored: Sequence[tuple[float, bool]], base: float) -> _Pool:
    """Beside those of the bin counts one more of whom only the rate of all is known: few are no certainty."""
    size = len(scored)
    rate = (sum(label for _, label in scored) + base) / (size + 1)
    return _Pool(sum(raw for raw, _ in scored) / size, rate, size)


def _merged(one: _Pool, other: _Pool) -> _Pool:
    size = one.size + other.size
    raw, rate = ((mine * one.size + its * other.size) / size for mine, its in zip(one[:2], other[:2], strict=True))
    return _Pool(raw, rate, size)
