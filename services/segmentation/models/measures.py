"""What numbers and times of the rule language are worth at a moment, in their own units. Everything that finds it fast
lives here; `explanation.readings` finds the same the plain way.

They are read from the columns and series that leaves of rules read too, so that what a model measures costs little
beside the rules: two binary searches and a difference, whatever the number of events.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import cast

from services.segmentation.history import Total
from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import period
from services.segmentation.rules.decay import decayed_at, share_of
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.nodes import Average, Count, Decayed, Distinct, Share, Sum
from services.segmentation.rules.running import Amounts, Occurrences
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.thresholds import lifetime

Measure = Callable[[Scene, int], float | None]
"""A number of a scene at a moment that is not before the profile's latest event; None where there is nothing to
measure."""

MOST = 10**15
"""Sums beyond this, on either side of zero, count as this."""

_MOST_MILLIONTHS = MOST * 10**6
_First = Callable[[Sequence[int], int, tzinfo], int]
"""The number of the first of some events, by their moments, that is in a window at a moment."""


def age_of(term: nodes.TimeTerm, leaves: Leaves) -> Measure:
    """In milliseconds; None of what never was."""
    origin = leaves.origin(term)
    return lambda scene, at_ms: None if (origin_ms := origin(scene)) is None else at_ms - origin_ms


def number_of(term: nodes.NumberTerm, leaves: Leaves) -> Measure:
    """None only of an average over nothing."""
    match term:
        case Decayed(events, halflife_ms):
            return decayed_at(leaves.strand(events), halflife_ms)
        case Share(event_type, part, halflife_ms):
            chosen, whole = leaves.strand(nodes.Selection(event_type, (part,))), nodes.Selection(event_type)
            share = share_of(chosen, leaves.strand(whole), halflife_ms)
            return lambda scene, _: share(scene)
        case Sum():
            total = _total_of(term, leaves.strand(term.events))
            return lambda scene, at_ms: _units(total(scene, at_ms))
        case Average():
            total = _total_of(term, leaves.strand(term.events))
            return lambda scene, at_ms: _mean(total(scene, at_ms))
        case Count() | Distinct():
            return _counted(term, leaves.strand(term.events))


def _counted(term: Count | Distinct, strand: Strand) -> Measure:
    if term.events.within is None:
        over_all = cast("Callable[[Scene], int]", lifetime(term, strand))
        return lambda scene, _: over_all(scene)
    first = _first_in(term.events.within)

    def count(scene: Scene, at_ms: int) -> int:
        moments = scene.column(strand).moments
        return len(moments) - first(moments, at_ms, scene.zone)

    def distinct(scene: Scene, at_ms: int) -> int:
        moments = scene.column(strand).series(recipe).moments
        return len(moments) - first(moments, at_ms, scene.zone)

    if isinstance(term, Count):
        return count
    recipe = (Occurrences, term.field)
    return distinct


def _total_of(term: Sum | Average, strand: Strand) -> Callable[[Scene, int], Total]:
    if term.events.within is None:
        over_all = cast("Callable[[Scene], Total]", lifetime(Average(term.events, term.field), strand))
        return lambda scene, _: over_all(scene)
    first, recipe = _first_in(term.events.within), (Amounts, term.field)

    def total(scene: Scene, at_ms: int) -> Total:
        column = scene.column(strand)
        return column.series(recipe).since(first(column.moments, at_ms, scene.zone))

    return total


def _first_in(window: nodes.Window) -> _First:
    if isinstance(window, int):
        return lambda moments, at_ms, _: bisect_right(moments, at_ms - window)
    return lambda moments, at_ms, zone: bisect_left(moments, period(window, at_ms, zone)[0])


def _units(total: Total) -> float:
    if abs(total.millionths) > _MOST_MILLIONTHS:
        return MOST if total.millionths > 0 else -MOST
    return total.millionths / 10**6


def _mean(total: Total) -> float | None:
    return total.millionths / (10**6 * total.numbers) if total.numbers else None
