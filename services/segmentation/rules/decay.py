"""Numbers that fade: the decayed count and the share of one, and when the first crosses a threshold.

From the newest event on the count only shrinks, by half in each half-life, so the moment at which it passes a threshold
is estimated by a logarithm and then found among the neighbouring milliseconds by comparing.
"""

import math
from bisect import bisect_left
from collections.abc import Callable

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, complement
from services.segmentation.rules.nodes import Literal, Operator
from services.segmentation.rules.running import Weights
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand

TOLERANCE = 1e-13
"""Fractions whose relative difference is at most this are equal."""
_LEAST = math.ulp(0.0)  # stands for whatever is too small to be told from nothing


def sign(value: float, threshold: float) -> int:
    """Whether a fraction is less than (-1), equal to (0) or greater than (1) another."""
    if abs(value - threshold) <= TOLERANCE * max(abs(value), abs(threshold)):
        return 0
    return 1 if value > threshold else -1


def faded_sign(value: float, elapsed_ms: int, halflife_ms: int, threshold: float) -> int:
    """The same for what a positive `value` has faded to after a time.

    The threshold is raised instead of halving the value: next to nothing a float has hardly any digits.
    """
    halvings, rest_ms = divmod(elapsed_ms, halflife_ms)
    try:
        return sign(value, math.ldexp(threshold, halvings) * 2.0 ** (rest_ms / halflife_ms))
    except OverflowError:  # out of reach
        return -1 if threshold > 0 else 1


def holds(symbol: Operator, of_sign: int) -> bool:
    """Whether a comparison by order is true, given the sign of the difference."""
    return of_sign > 0 if symbol == ">" else of_sign >= 0 if symbol == ">=" else not holds(_OPPOSITE[symbol], of_sign)


_OPPOSITE: dict[Operator, Operator] = {"<": ">=", "<=": ">"}


def decayed_at(strand: Strand, halflife_ms: int) -> Callable[[Scene, int], float]:
    """How to find the value of a decayed count at a moment that is not before any of the events: above 0 if any are."""

    def find(scene: Scene, at_ms: int) -> float:
        column = scene.column(strand)
        if not column.moments:
            return 0.0
        faded = math.exp2(-(at_ms - column.moments[-1]) / halflife_ms)
        return max(column.series((Weights, halflife_ms)).total() * faded, _LEAST)

    return find


def share_of(part: Strand, whole: Strand, halflife_ms: int) -> Callable[[Scene], float]:
    """How to find a share: both counts fade alike, so it stays what it is until something happens."""
    part_at, whole_at = decayed_at(part, halflife_ms), decayed_at(whole, halflife_ms)

    def find(scene: Scene) -> float:
        if not scene.column(part).moments:
            return 0.0
        newest_ms = scene.column(whole).moments[-1]
        return max(part_at(scene, newest_ms) / whole_at(scene, newest_ms), _LEAST)

    return find


def share_comparison(
    part: Strand, whole: Strand, halflife_ms: int, symbol: Operator, literal: Literal
) -> Callable[[Scene], Intervals]:
    threshold = _number(literal)
    without = ALWAYS if holds(symbol, sign(0.0, threshold)) else NEVER
    less = ALWAYS if holds(symbol, -1) else NEVER
    surely_less, recipe = threshold * (1 - 10 * TOLERANCE), (Weights, halflife_ms)

    def evaluate(scene: Scene) -> Intervals:
        chosen = scene.column(part)
        if not chosen.moments:
            return without
        of_all = scene.column(whole)
        share = chosen.series(recipe).total() / of_all.series(recipe).total()
        if share < surely_less:  # it has only faded since
            return less
        elapsed_ms = of_all.moments[-1] - chosen.moments[-1]
        return ALWAYS if holds(symbol, faded_sign(share, elapsed_ms, halflife_ms, threshold)) else NEVER

    return evaluate


def decayed_comparison(
    strand: Strand, halflife_ms: int, symbol: Operator, literal: Literal
) -> Callable[[Scene], Intervals]:
    if symbol in _OPPOSITE:
        above = decayed_comparison(strand, halflife_ms, _OPPOSITE[symbol], literal)
        return lambda scene: complement(above(scene))
    threshold, recipe, least_sign = _number(literal), (Weights, halflife_ms), 1 if symbol == ">" else 0

    def evaluate(scene: Scene) -> Intervals:
        column = scene.column(strand)
        if not column.moments or threshold <= 0:  # what is positive never fades to nothing
            return ALWAYS if sign(float(bool(column.moments)), threshold) >= least_sign else NEVER
        lasts_ms = _lasts_ms(column.series(recipe).total(), halflife_ms, threshold, least_sign)
        return (START, column.moments[-1] + lasts_ms) if lasts_ms else NEVER

    return evaluate


def _lasts_ms(value: float, halflife_ms: int, threshold: float, least_sign: int) -> int:
    """How long a count that is `value`, and fades, is above a positive threshold, or at it where the sign may be 0."""
    if sign(value, threshold) < least_sign:
        return 0

    def passed(elapsed_ms: int) -> bool:
        return faded_sign(value, elapsed_ms, halflife_ms, threshold) < least_sign

    crossing = halflife_ms * (math.log2(value) - math.log2(threshold)) if value > threshold else 0.0
    guess = math.ceil(crossing)
    if guess and passed(guess) and not passed(guess - 1):  # as nearly always
        return guess
    off = crossing * 1e-12 + halflife_ms * 4 * TOLERANCE
    earliest, latest = max(0, math.floor(crossing - off) - 2), math.ceil(crossing + off) + 2
    return earliest + bisect_left(range(earliest, latest), True, key=passed)


def _number(literal: Literal) -> float:
    assert isinstance(literal.value, int | float)
    return float(literal.value)
