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


def complement(moments: Intervals) -> Intervals:
    return moments[1:] if moments[:1] == ALWAYS else (START, *moments)


def union(first: Intervals, second: Intervals) -> Intervals:
    return complement(intersection(complement(first), complement(second)))


def intersection(first: Intervals, second: Intervals) -> Intervals:
    if first == ALWAYS or not second:
        return second
    if second == ALWAYS or not first:
        return first
    moments = sorted({*first, *second})
    return from_steps((at_ms, contains(first, at_ms) and contains(second, at_ms)) for at_ms in moments)


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
    return moments[passed:] if passed % 2 == 0 else (START, *moments[passed:])


def spans(moments: Intervals) -> Iterator[tuple[int, int | None]]:
    """The set as [since, until) pairs; until is None where it never ends."""
    return zip(moments[::2], (*moments[1::2], None), strict=False)
