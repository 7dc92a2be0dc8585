"""When a number that changes by steps compares so with a threshold. Everything that decides it lives here.

Over a whole lifetime it stays what it is until something happens. In a window, counts, numbers of different values and
sums without negative amounts only shrink as events leave: each is at least so much until one moment, when the event
leaves whose loss makes it less. Other sums, and averages, are compared at every step.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from fractions import Fraction
from itertools import starmap
from math import ceil, floor
from typing import cast

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, complement, from_steps, intersection, union
from services.segmentation.profile import Total, TypeLog
from services.segmentation.rules.calendar import period
from services.segmentation.rules.nodes import Average, Count, Distinct, Literal, Operator, StepTerm, Sum, Window
from services.segmentation.rules.running import Amounts, Occurrences
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.values import ORDER, exact

_TOLERANCE = 10**13
"""Averages whose relative difference is at most the inverse of this are equal."""
_NEAR = 10**9
"""And by more than the inverse of this they differ beyond doubt."""

Value = int | Total
"""Of a count or a distinct the number, of a sum the millionths, of an average the total that it is the mean of."""

Evaluate = Callable[[Scene], Intervals]

Expiry = Callable[[int, tzinfo], int]
"""When an event that happened at a moment leaves the window."""

AtLeast = Callable[[int], Evaluate]
"""When a number that only shrinks is at least so much, which is more than nothing."""


def number_comparison(term: StepTerm, strand: Strand, symbol: Operator, literal: Literal) -> Evaluate:
    holds, within = test(term, symbol, literal), term.events.within
    if within is None:
        value = lifetime(term, strand)
        return lambda scene: ALWAYS if holds(value(scene)) else NEVER
    expire = _expiry(within)
    match term:
        case Count():
            return _shrinking(_events_at_least(strand, within), symbol, literal)
        case Distinct(_, field):
            return _shrinking(_values_at_least(strand, field, expire), symbol, literal)
        case Sum(_, field):
            shrinking = _shrinking(_sum_at_least(strand, field, expire), symbol, literal, 10**6)
            stepping = _stepping(strand, field, expire, lambda amount, _: holds(amount))
            return lambda scene: (
                shrinking(scene) if scene.column(strand).series((Amounts, field)).only_shrinks else stepping(scene)
            )
        case Average(_, field):
            return _stepping(strand, field, expire, _mean_test(symbol, exact(literal)))


def test(term: StepTerm, symbol: Operator, literal: Literal) -> Callable[[Value], bool]:
    """The comparison of the term's value with the literal, exact: in whole numbers wherever the literal is one."""
    order = ORDER[symbol]
    if isinstance(term, Average):
        of_mean = _mean_test(symbol, exact(literal))
        return lambda total: of_mean(*cast("Total", total))
    threshold = exact(literal) * (10**6 if isinstance(term, Sum) else 1)
    plain = int(threshold) if threshold.denominator == 1 else threshold
    return lambda value: order(value, plain)


def _mean_test(symbol: Operator, threshold: Fraction) -> Callable[[int, int], bool]:
    """Of millionths and of how many numbers. Both sides are multiplied so that they are whole."""
    order, of_equals = ORDER[symbol], symbol in ("<=", ">=")
    parts, least = threshold.denominator, threshold.numerator * 10**6
    above, below = order(1, 0), order(-1, 0)
    near = abs(threshold) * 10**6 / _NEAR
    high, low = ceil(threshold * 10**6 + near), floor(threshold * 10**6 - near)

    def holds(amount: int, numbers: int) -> bool:
        if amount > high * numbers:  # as nearly always, so or below: it is less work than what is meant
            return above
        if amount < low * numbers:
            return below
        wanted = least * numbers
        off = amount * parts - wanted
        if abs(off) * _TOLERANCE <= max(abs(wanted + off), abs(wanted)):
            return of_equals and numbers > 0
        return order(off, 0)

    return holds


def lifetime(term: StepTerm, strand: Strand) -> Callable[[Scene], Value]:
    """The number over all events. Without filters it begins with what fell off the log."""
    match term:
        case Count():
            return lambda scene: len(scene.column(strand).moments) + _dropped(scene, strand).dropped_count
        case Sum(_, field):
            return lambda scene: _total(scene, strand, field).millionths
        case Average(_, field):
            return lambda scene: _total(scene, strand, field)
        case Distinct(_, field):
            return lambda scene: len(scene.column(strand).series((Occurrences, field)).moments)


def value_at(term: StepTerm, scene: Scene, at_ms: int) -> Value:
    """The number at a moment that is not before the latest event."""
    strand, log = Strand(term.events.type, term.events.filters), scene.profile.types.get(term.events.type)
    if term.events.within is None or log is None:
        return lifetime(term, strand)(scene)
    expire = _expiry(term.events.within)
    left = TypeLog(tuple(entry for entry in log.entries if expire(entry.ts_ms, scene.zone) > at_ms))
    return lifetime(term, strand)(Scene(replace(scene.profile, types={strand.type: left}), scene.zone))


def _total(scene: Scene, strand: Strand, field: str) -> Total:
    kept = scene.column(strand).series((Amounts, field)).since(0)
    before = _dropped(scene, strand).dropped_totals.get(field)
    return Total(before.millionths + kept.millionths, before.numbers + kept.numbers) if before else kept


_NOTHING = TypeLog()


def _dropped(scene: Scene, strand: Strand) -> TypeLog:
    return _NOTHING if strand.filters else scene.profile.types.get(strand.type, _NOTHING)


def _expiry(within: Window) -> Expiry:
    if isinstance(within, int):
        return lambda at_ms, _: at_ms + within
    return lambda at_ms, zone: period(within, at_ms, zone)[1]


def _shrinking(at_least: AtLeast, symbol: Operator, literal: Literal, parts: int = 1) -> Evaluate:
    """Of a whole number of `parts`."""
    threshold = exact(literal) * parts
    enough, more = (_always if least <= 0 else at_least(least) for least in (ceil(threshold), floor(threshold) + 1))
    match symbol:
        case ">=":
            return enough
        case ">":
            return more
        case "<":
            return lambda scene: complement(enough(scene))
        case "<=":
            return lambda scene: complement(more(scene))
        case "==":
            return lambda scene: intersection(enough(scene), complement(more(scene)))
        case "!=":
            return lambda scene: union(complement(enough(scene)), more(scene))


def _always(_: Scene) -> Intervals:
    return ALWAYS


def _events_at_least(strand: Strand, within: Window) -> AtLeast:
    if isinstance(within, int):
        return lambda least: _recent_at_least(strand, within, least)
    expire = _expiry(within)

    def at_least(least: int) -> Evaluate:
        def evaluate(scene: Scene) -> Intervals:
            moments = scene.column(strand).moments
            return (START, expire(moments[-least], scene.zone)) if len(moments) >= least else NEVER

        return evaluate

    return at_least


def _recent_at_least(strand: Strand, within_ms: int, least: int) -> Evaluate:
    """The same for what most rules ask, at half the expense."""

    def evaluate(scene: Scene) -> Intervals:
        moments = scene.column(strand).moments
        return (START, moments[-least] + within_ms) if len(moments) >= least else NEVER

    return evaluate


def _values_at_least(strand: Strand, field: str, expire: Expiry) -> AtLeast:
    def at_least(least: int) -> Evaluate:
        def evaluate(scene: Scene) -> Intervals:
            moments = scene.column(strand).series((Occurrences, field)).moments
            return (START, expire(moments[-least], scene.zone)) if len(moments) >= least else NEVER

        return evaluate

    return at_least


def _sum_at_least(strand: Strand, field: str, expire: Expiry) -> AtLeast:
    def at_least(least: int) -> Evaluate:
        def evaluate(scene: Scene) -> Intervals:
            newest = scene.column(strand).series((Amounts, field)).newest_reaching(least)
            return NEVER if newest is None else (START, expire(scene.column(strand).moments[newest], scene.zone))

        return evaluate

    return at_least


def _stepping(strand: Strand, field: str, expire: Expiry, holds: Callable[[int, int], bool]) -> Evaluate:
    def evaluate(scene: Scene) -> Intervals:
        column, zone = scene.column(strand), scene.zone
        first = bisect_right(column.moments, scene.profile.latest_ms, key=lambda at_ms: expire(at_ms, zone))
        ends = [START, *[expire(at_ms, zone) for at_ms in column.moments[first:]]]
        truths = starmap(holds, column.series((Amounts, field)).left_from(first))
        return from_steps(dict(zip(ends, truths, strict=True)).items())

    return evaluate
