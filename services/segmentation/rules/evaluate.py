"""Nodes to intervals: when a rule holds for a profile, if nothing else happens.

A rule is made into a function once and evaluated many times, so whatever does not depend on the profile is worked
out before. The answer is right from the profile's latest event on, and found in closed form: a number changes only
when an event leaves its window, a time grows evenly, a value stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from fractions import Fraction
from typing import NamedTuple

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, from_steps
from services.segmentation.profile import Listing, Profile, Total, TypeLog
from services.segmentation.rules import nodes, series
from services.segmentation.rules.decay import decayed_comparison, share_comparison
from services.segmentation.rules.nodes import Literal, Operator, TimeTerm
from services.segmentation.rules.request import Question, questions
from services.segmentation.rules.residual import Asked, Residual, both, change, either, negate
from services.segmentation.rules.sequences import latest_completion
from services.segmentation.rules.values import MIRRORED, ORDER, compare, exact


class Scene(NamedTuple):
    """What a rule is evaluated for."""

    profile: Profile
    zone: tzinfo
    """By whose clocks calendar days begin."""
    segments: Mapping[str, Residual] = {}
    """When the rules of the segments hold that this one is composed of."""


Evaluator = Callable[[Scene], Residual]
"""When a rule holds; to be clipped at `profile.latest_ms`, before which the answer means nothing."""

Origin = Callable[[Profile], int | None]
"""The moment that a time term counts from."""

_TOLERANCE = 10**13
"""Averages whose relative difference is at most the inverse of this are equal."""


def evaluator(rule: nodes.Rule, composed: Mapping[str, Sequence[Question]] | None = None) -> Evaluator:
    """The rule made ready to be evaluated for any scene.

    `composed` tells what each segment that the rule names asks the request. The answer numbers the questions of this
    rule as `request.questions` lists them.
    """
    return _Compiler(composed or {}, questions(rule, composed or {})).condition(rule)


@dataclass(frozen=True, slots=True)
class _Compiler:
    composed: Mapping[str, Sequence[Question]]
    asked: Sequence[Question]

    def condition(self, rule: nodes.Condition) -> Evaluator:
        match rule:
            case nodes.And(operands):
                return _every([self.condition(operand) for operand in operands])
            case nodes.Or(operands):
                return _any([self.condition(operand) for operand in operands])
            case nodes.Not(operand):
                return _not(self.condition(operand))
            case nodes.InSegment(segment_id):
                return self._segment(segment_id)
            case nodes.Listed(list_id):
                return lambda scene: _listed(scene.profile.lists.get(list_id))
            case nodes.Holds(nodes.Sequence() as sequence):
                completion = latest_completion(sequence)
                return lambda scene: NEVER if completion(scene.profile) is None else ALWAYS
            case nodes.Holds(nodes.Trait() | nodes.Last() as value):
                return lambda scene: ALWAYS if latest_value(value, scene.profile) is True else NEVER
            case nodes.Compare() | nodes.Member():
                return self._leaf(rule)
        raise AssertionError(f"no such condition: {rule}")

    def _leaf(self, rule: nodes.Compare | nodes.Member) -> Evaluator:
        if isinstance(nodes.term_of(rule), nodes.Request):
            asked = Asked(self.asked.index(rule))
            return lambda _: asked
        match rule:
            case nodes.Member(term, any_of, negated):
                inside = _any([_comparison(term, "==", literal) for literal in any_of])
                return _not(inside) if negated else inside
            case nodes.Compare(Literal() as literal, symbol, right) if not isinstance(right, Literal):
                return _comparison(right, MIRRORED[symbol], literal)
            case nodes.Compare(left, symbol, Literal() as literal) if not isinstance(left, Literal):
                return _comparison(left, symbol, literal)
            case nodes.Compare(left, symbol, right) if isinstance(left, TimeTerm) and isinstance(right, TimeTerm):
                return _times_comparison(origin(left), symbol, origin(right))
        raise AssertionError(f"the parser lets no such comparison through: {rule}")

    def _segment(self, segment_id: str) -> Evaluator:
        """The other segment's residual, with its questions numbered as they are here."""
        theirs = self.composed[segment_id]
        if not theirs:
            return lambda scene: scene.segments[segment_id]
        numbers = [self.asked.index(question) for question in theirs]
        return lambda scene: change(scene.segments[segment_id], lambda moments: moments, numbers.__getitem__)


def _every(parts: Sequence[Evaluator]) -> Evaluator:
    def evaluate(scene: Scene) -> Residual:
        found: Residual = ALWAYS
        for part in parts:
            found = both(found, part(scene))
            if not found:
                break
        return found

    return evaluate


def _any(parts: Sequence[Evaluator]) -> Evaluator:
    def evaluate(scene: Scene) -> Residual:
        found: Residual = NEVER
        for part in parts:
            found = either(found, part(scene))
            if found == ALWAYS:
                break
        return found

    return evaluate


def _not(part: Evaluator) -> Evaluator:
    return lambda scene: negate(part(scene))


def _listed(listing: Listing | None) -> Intervals:
    if listing is None or not listing.listed:
        return NEVER
    return ALWAYS if listing.until_ms is None else (START, listing.until_ms)


def _comparison(term: nodes.Term, symbol: Operator, literal: Literal) -> Evaluator:
    match term:
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            duration_ms, begins = literal.value, origin(term)
            assert isinstance(duration_ms, int)
            return lambda scene: _compare_time(begins(scene.profile), symbol, duration_ms)
        case nodes.Trait() | nodes.Last():
            return lambda scene: ALWAYS if compare(latest_value(term, scene.profile), symbol, literal) else NEVER
        case nodes.Decayed():
            decayed = decayed_comparison(term, symbol, literal)
            return lambda scene: decayed(scene.profile)
        case nodes.Share():
            share = share_comparison(term, symbol, literal)
            return lambda scene: share(scene.profile)
        case nodes.Count() | nodes.Sum() | nodes.Average() | nodes.Distinct():
            return _steps_comparison(term, test(term, symbol, literal))
    raise AssertionError(f"a request is asked, not compared: {term}")


def _steps_comparison(term: nodes.StepTerm, holds: Callable[[series.Value], bool]) -> Evaluator:
    steps = series.steps(term)
    without = from_steps((at_ms, holds(value)) for at_ms, value in steps(Profile(None, 0), TypeLog(), UTC))

    def evaluate(scene: Scene) -> Intervals:
        log = scene.profile.types.get(term.events.type)
        if log is None:
            return without
        return from_steps((at_ms, holds(value)) for at_ms, value in steps(scene.profile, log, scene.zone))

    return evaluate


def test(term: nodes.StepTerm, symbol: Operator, literal: Literal) -> Callable[[series.Value], bool]:
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
    return lambda scene: _compare_times(left(scene.profile), symbol, right(scene.profile))


def _compare_times(first_ms: int | None, symbol: Operator, second_ms: int | None) -> Intervals:
    """Both times grow alike, so what holds once holds for ever: the later origin is the shorter time."""
    if first_ms is None and second_ms is None:
        return NEVER
    if first_ms is None:
        return ALWAYS if symbol in (">", ">=", "!=") else NEVER
    if second_ms is None:
        return ALWAYS if symbol in ("<", "<=", "!=") else NEVER
    return ALWAYS if ORDER[symbol](-first_ms, -second_ms) else NEVER


def origin(term: nodes.TimeTerm) -> Origin:
    """How to find the moment that a time term counts from; None where that never was."""
    match term:
        case nodes.Since(events):
            return series.latest_ms(events)
        case nodes.Sequence():
            return latest_completion(term)
        case nodes.Tenure():
            return lambda profile: profile.first_ms


def latest_value(term: nodes.ValueTerm, profile: Profile) -> object:
    """The latest value of a trait or of the context; None where there is none."""
    latest = profile.traits.get(term.name) if isinstance(term, nodes.Trait) else profile.context.get(term.path)
    return None if latest is None else latest.value
