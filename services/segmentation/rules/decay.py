"""Numbers that fade: the decayed count and the share of one, and when the first crosses a threshold.

Weights are taken relative to the newest event and added exactly rounded, so the sum does not depend on any order.
From there on the count only shrinks, by half in each half-life, so the moment at which it passes a threshold is
estimated by a logarithm and then found among the neighbouring milliseconds by comparing.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, complement
from services.segmentation.profile import Entry, Profile
from services.segmentation.rules.nodes import Decayed, Literal, Operator, Share
from services.segmentation.rules.series import matcher

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


def weight(entries: Sequence[Entry], at_ms: int, halflife_ms: int) -> float:
    """The decayed count of events at a moment that is not before any of them: never 0 where there is one."""
    total = math.fsum(2.0 ** (-(at_ms - entry.ts_ms) / halflife_ms) for entry in entries)
    return max(total, _LEAST) if entries else 0.0


def decayed_at(term: Decayed) -> Callable[[Profile, int], float]:
    """How to find the value of a decayed count at a moment."""
    matching = matcher(term.events.filters)

    def find(profile: Profile, at_ms: int) -> float:
        log = profile.types.get(term.events.type)
        return weight(matching(log.entries), at_ms, term.halflife_ms) if log else 0.0

    return find


def share_of(term: Share) -> Callable[[Profile], float]:
    """How to find a share: both counts fade alike, so it stays what it is until something happens."""
    matching = matcher([term.part])

    def find(profile: Profile) -> float:
        log = profile.types.get(term.type)
        if log is None:
            return 0.0
        newest_ms = log.entries[-1].ts_ms
        part = weight(matching(log.entries), newest_ms, term.halflife_ms)
        return max(part / weight(log.entries, newest_ms, term.halflife_ms), _LEAST) if part else 0.0

    return find


def share_comparison(term: Share, symbol: Operator, literal: Literal) -> Callable[[Profile], Intervals]:
    matching, threshold = matcher([term.part]), _number(literal)

    def sign_of(profile: Profile) -> int:
        log = profile.types.get(term.type)
        part = matching(log.entries) if log else ()
        if not log or not part:
            return sign(0.0, threshold)
        newest_ms, newest_of_part_ms = log.entries[-1].ts_ms, part[-1].ts_ms
        whole = weight(log.entries, newest_ms, term.halflife_ms)
        share = weight(part, newest_of_part_ms, term.halflife_ms) / whole
        return faded_sign(share, newest_ms - newest_of_part_ms, term.halflife_ms, threshold)

    return lambda profile: ALWAYS if holds(symbol, sign_of(profile)) else NEVER


def decayed_comparison(term: Decayed, symbol: Operator, literal: Literal) -> Callable[[Profile], Intervals]:
    matching, threshold = matcher(term.events.filters), _number(literal)

    def evaluate(profile: Profile) -> Intervals:
        log = profile.types.get(term.events.type)
        entries = matching(log.entries) if log else ()
        if not entries or threshold <= 0:  # what is positive never fades to nothing
            return ALWAYS if holds(symbol, sign(float(bool(entries)), threshold)) else NEVER
        newest_ms = entries[-1].ts_ms
        return _above(symbol, newest_ms, weight(entries, newest_ms, term.halflife_ms), term.halflife_ms, threshold)

    return evaluate


def _above(symbol: Operator, from_ms: int, value: float, halflife_ms: int, threshold: float) -> Intervals:
    """When a count that is `value` at `from_ms`, and fades, compares so with a positive threshold."""
    if symbol in _OPPOSITE:
        return complement(_above(_OPPOSITE[symbol], from_ms, value, halflife_ms, threshold))
    if sign(value, threshold) < 0:
        return NEVER
    crossing = halflife_ms * (math.log2(value) - math.log2(threshold)) if value > threshold else 0.0
    latest = math.ceil(crossing * (1 + 1e-12) + halflife_ms * 4 * TOLERANCE) + 2

    def passed(elapsed_ms: int) -> bool:
        return not holds(symbol, faded_sign(value, elapsed_ms, halflife_ms, threshold))

    lasts_ms = bisect_left(range(latest), True, key=passed)
    return (START, from_ms + lasts_ms) if lasts_ms else NEVER


def _number(literal: Literal) -> float:
    assert isinstance(literal.value, int | float)
    return float(literal.value)
