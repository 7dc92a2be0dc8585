"""Nodes to intervals: when a rule holds for a profile, if nothing else happens.

A rule is made into a function once and evaluated many times, so whatever does not depend on the profile is worked
out before. The answer is right from the profile's latest event on, and found in closed form: a number changes only
when an event leaves its window, a time grows evenly, a value stays.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from services.segmentation.intervals import (
    ALWAYS,
    NEVER,
    START,
    Intervals,
    complement,
    from_steps,
    intersection,
    union,
)
from services.segmentation.profile import Profile, Total, TypeLog
from services.segmentation.rules import nodes, series
from services.segmentation.rules.nodes import Literal, Operator
from services.segmentation.rules.values import MIRRORED, ORDER, compare, exact

Evaluator = Callable[[Profile], Intervals]
"""When a rule holds; to be clipped at `profile.latest_ms`, before which the answer means nothing."""

Origin = Callable[[Profile], int | None]
"""The moment that a time term counts from."""

_TOLERANCE = 10**13
"""Averages whose relative difference is at most the inverse of this are equal."""


def evaluator(rule: nodes.Rule) -> Evaluator:
    """The rule made ready to be evaluated for any profile."""
    match rule:
        case nodes.And(operands):
            return _every([evaluator(operand) for operand in operands])
        case nodes.Or(operands):
            return _any([evaluator(operand) for operand in operands])
        case nodes.Not(operand):
            return _not(evaluator(operand))
        case nodes.Holds(value):
            return lambda profile: ALWAYS if _value(value, profile) is True else NEVER
        case nodes.Member(term, any_of, negated):
            inside = _any([_comparison(term, "==", literal) for literal in any_of])
            return _not(inside) if negated else inside
        case nodes.Compare(Literal() as literal, symbol, right) if not isinstance(right, Literal):
            return _comparison(right, MIRRORED[symbol], literal)
        case nodes.Compare(left, symbol, Literal() as literal) if not isinstance(left, Literal):
            return _comparison(left, symbol, literal)
        case nodes.Compare(nodes.Since() | nodes.Tenure() as left, symbol, nodes.Since() | nodes.Tenure() as right):
            return _times_comparison(_origin(left), symbol, _origin(right))
    raise AssertionError(f"the parser lets no such comparison through: {rule}")


def _every(parts: Sequence[Evaluator]) -> Evaluator:
    def evaluate(profile: Profile) -> Intervals:
        found: Intervals = ALWAYS
        for part in parts:
            found = intersection(found, part(profile))
            if not found:
                break
        return found

    return evaluate


def _any(parts: Sequence[Evaluator]) -> Evaluator:
    def evaluate(profile: Profile) -> Intervals:
        found: Intervals = NEVER
        for part in parts:
            found = union(found, part(profile))
            if found == ALWAYS:
                break
        return found

    return evaluate


def _not(part: Evaluator) -> Evaluator:
    return lambda profile: complement(part(profile))


def _comparison(term: nodes.Term, symbol: Operator, literal: Literal) -> Evaluator:
    if isinstance(term, nodes.TimeTerm):
        duration_ms = literal.value
        assert isinstance(duration_ms, int)
        origin = _origin(term)
        return lambda profile: _compare_time(origin(profile), symbol, duration_ms)
    if isinstance(term, nodes.ValueTerm):
        return lambda profile: ALWAYS if compare(_value(term, profile), symbol, literal) else NEVER
    return _number_comparison(term, _test(term, symbol, literal))


def _number_comparison(term: nodes.NumberTerm, test: Callable[[series.Value], bool]) -> Evaluator:
    steps = series.steps(term)
    nothing = Profile(0, 0)
    without = from_steps((at_ms, test(value)) for at_ms, value in steps(nothing, TypeLog()))

    def evaluate(profile: Profile) -> Intervals:
        log = profile.types.get(term.events.type)
        if log is None:
            return without
        return from_steps((at_ms, test(value)) for at_ms, value in steps(profile, log))

    return evaluate


def _test(term: nodes.NumberTerm, symbol: Operator, literal: Literal) -> Callable[[series.Value], bool]:
    """The comparison of the term's value with the literal, exact: in whole numbers wherever the literal is one."""
    order = ORDER[symbol]
    if isinstance(term, nodes.Average):
        mean = exact(literal)
        return lambda total: _compare_mean(total, symbol, mean)
    threshold = exact(literal) * (1_000_000 if isinstance(term, nodes.Sum) else 1)
    plain = int(threshold) if threshold.denominator == 1 else threshold
    return lambda value: order(value, plain)


def _compare_mean(total: series.Value, symbol: Operator, threshold: Fraction) -> bool:
    assert isinstance(total, Total)
    if not total.numbers:
        return False
    mean = Fraction(total.millionths, 1_000_000 * total.numbers)
    if abs(mean - threshold) * _TOLERANCE <= max(abs(mean), abs(threshold)):
        return symbol in ("<=", ">=")
    return ORDER[symbol](mean, threshold)


def _compare_time(origin_ms: int | None, symbol: Operator, duration_ms: int) -> Intervals:
    """When `t - origin_ms` compares so; a missing origin is longer ago than any duration."""
    if origin_ms is None:
        return ALWAYS if symbol in (">", ">=", "!=") else NEVER
    reached_ms, passed_ms = origin_ms + duration_ms, origin_ms + duration_ms + 1
    match symbol:
        case "<":
            return (START, reached_ms)
        case "<=":
            return (START, passed_ms)
        case ">":
            return (passed_ms,)
        case ">=":
            return (reached_ms,)
        case "==":
            return (reached_ms, passed_ms)
        case "!=":
            return (START, reached_ms, passed_ms)


def _times_comparison(left: Origin, symbol: Operator, right: Origin) -> Evaluator:
    return lambda profile: _compare_times(left(profile), symbol, right(profile))


def _compare_times(first_ms: int | None, symbol: Operator, second_ms: int | None) -> Intervals:
    """Both times grow alike, so what holds once holds for ever: the later origin is the shorter time."""
    if first_ms is None and second_ms is None:
        return NEVER
    if first_ms is None:
        return ALWAYS if symbol in (">", ">=", "!=") else NEVER
    if second_ms is None:
        return ALWAYS if symbol in ("<", "<=", "!=") else NEVER
    return ALWAYS if ORDER[symbol](-first_ms, -second_ms) else NEVER


def _origin(term: nodes.TimeTerm) -> Origin:
    if isinstance(term, nodes.Since):
        return series.latest_ms(term.events)
    return lambda profile: profile.first_ms


def _value(term: nodes.ValueTerm, profile: Profile) -> object:
    latest = profile.traits.get(term.name) if isinstance(term, nodes.Trait) else profile.context.get(term.path)
    return None if latest is None else latest.value
