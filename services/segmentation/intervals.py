"""Sets of moments, written as the boundaries at which one enters or leaves the set. All interval arithmetic lives here.

A set is a rising tuple of milliseconds: a moment is in it when an odd number of boundaries are at or before it. So
`(a, b, c)` is [a, b) and [c, for ever). `START` is before every moment: a set that begins there was "already true".
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

START = -(2**62)

Intervals = tuple[int, ...]

NEVER: Intervals = ()
ALWAYS: Intervals = (START,)


def contains(moments: Intervals, at_ms: int) -> bool:
    return bisect_right(moments, at_ms) % 2 == 1


def until(end_ms: int | None) -> Intervals:
    """Already true, until a moment; for ever where that is None."""
    return ALWAYS if end_ms is None else (START, end_ms)


def complement(moments: Intervals) -> Intervals:
    return moments[1:] if moments and moments[0] == START else (START, *moments)


def union(first: Intervals, second: Intervals) -> Intervals:
    if first == ALWAYS or not second:
        return first
    if second == ALWAYS or not first:
        return second
    return _in_at_least(1, first, second)


def intersection(first: Intervals, second: Intervals) -> Intervals:
    if first == ALWAYS or not second:
        return second
    if second == ALWAYS or not first:
        return first
    return _in_at_least(2, first, second)


def _in_at_least(sets: int, first: Intervals, second: Intervals) -> Intervals:
    """The moments that are in one or in both of two sets."""
    boundaries, inside = [], False
    for at_ms in sorted({*first, *second}):
        if (bisect_right(first, at_ms) % 2 + bisect_right(second, at_ms) % 2 >= sets) is not inside:
            inside = not inside
            boundaries.append(at_ms)
    return tuple(boundaries)


def from_steps(steps: Iterable[tuple[int, bool]]) -> Intervals:
    """The set that holds from each (moment, truth) to the next; moments rise."""
    boundaries: list[int] = []
    for at_ms, truth in steps:
        if truth != bool(len(boundaries) % 2):
            boundaries.append(at_ms)
    return tuple(boundaries)


def clip(moments: Intervals, from_ms: int) -> Intervals:
    """Forget what happens up to `from_ms`: what holds there holds from START."""
    passed = bisect_right(moments, from_ms)
    if passed == 0 or (passed == 1 and moments[0] == START):
        return moments
    return moments[passed:] if passed % 2 == 0 else (START, *moments[passed:])


def spans(moments: Intervals) -> Iterator[tuple[int, int | None]]:
    """The set as [since, until) pairs; until is None where it never ends."""
    return zip(moments[::2], (*moments, None)[1::2], strict=False)
