"""What is left of a rule when only the ad request is unknown: intervals, or an expression over questions to it.

A question is named by its number among the request's conditions of the rule (`rules/request.py`). Whatever needs no
request folds into plain intervals at once, so that a rule without `request()` never makes an expression.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

from services.segmentation.intervals import ALWAYS, NEVER, Intervals, clip, complement, intersection, union


@dataclass(frozen=True, slots=True)
class Asked:
    """Holds when the request's answer to the question with this number is `expected`."""

    question: int
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple["Residual", ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple["Residual", ...]


Residual = Intervals | Asked | Every | Either


def both(first: Residual, second: Residual) -> Residual:
    """What holds when both do."""
    if isinstance(first, tuple) and isinstance(second, tuple):
        return intersection(first, second)
    if NEVER in (first, second):
        return NEVER
    if ALWAYS in (first, second):
        return second if first == ALWAYS else first
    return _joined(Every, first, second, intersection)


def either(first: Residual, second: Residual) -> Residual:
    """What holds when one of them does."""
    if isinstance(first, tuple) and isinstance(second, tuple):
        return union(first, second)
    if ALWAYS in (first, second):
        return ALWAYS
    if NEVER in (first, second):
        return second if first == NEVER else first
    return _joined(Either, first, second, union)


def negate(residual: Residual) -> Residual:
    match residual:
        case Asked(question, expected):
            return Asked(question, not expected)
        case Every(parts):
            return Either(tuple(negate(part) for part in parts))
        case Either(parts):
            return Every(tuple(negate(part) for part in parts))
        case intervals:
            return complement(intervals)


def change(residual: Residual, intervals: Callable[[Intervals], Intervals], number: Callable[[int], int]) -> Residual:
    """The same expression with other intervals and other numbers of questions, folded again."""
    match residual:
        case Asked(question, expected):
            return Asked(number(question), expected)
        case Every(parts):
            return reduce(both, (change(part, intervals, number) for part in parts))
        case Either(parts):
            return reduce(either, (change(part, intervals, number) for part in parts))
        case moments:
            return intervals(moments)


def from_moment(residual: Residual, from_ms: int) -> Residual:
    """The same without what happens up to a moment, folded again where that makes any difference."""
    match residual:
        case tuple():
            return clip(residual, from_ms)
        case Every(parts) | Either(parts) if any(from_moment(part, from_ms) is not part for part in parts):
            return change(residual, lambda moments: clip(moments, from_ms), lambda number: number)
    return residual


def settle(residual: Residual, answer: Callable[[int], bool]) -> Intervals:
    """When it holds for a request that answers the questions so."""
    match residual:
        case Asked(question, expected):
            return ALWAYS if answer(question) == expected else NEVER
        case Every(parts):
            return reduce(intersection, (settle(part, answer) for part in parts))
        case Either(parts):
            return reduce(union, (settle(part, answer) for part in parts))
        case intervals:
            return intervals


def size(residual: Residual) -> int:
    """How many questions and boundaries there are in it."""
    match residual:
        case Asked():
            return 1
        case Every(parts) | Either(parts):
            return sum(size(part) for part in parts)
        case intervals:
            return len(intervals)


def _joined(
    node: type[Every] | type[Either],
    first: Residual,
    second: Residual,
    join: Callable[[Intervals, Intervals], Intervals],
) -> Residual:
    """One flat node, with all that is plain intervals joined into one part, and nothing in it twice."""
    parts = [*_parts(node, first), *_parts(node, second)]
    plain = [part for part in parts if isinstance(part, tuple)]
    rest = dict.fromkeys(part for part in parts if not isinstance(part, tuple))
    return node((*([reduce(join, plain)] if plain else []), *rest))


def _parts(node: type[Every] | type[Either], residual: Residual) -> Iterator[Residual]:
    if isinstance(residual, node):
        yield from residual.parts
    else:
        yield residual
