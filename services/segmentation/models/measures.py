"""What numbers and times of the rule language are worth at a moment, in their own units. Everything that finds it fast
lives here; `explanation.readings` finds the same the plain way.

They are read from the columns and series that leaves of rules read too, so that what a model measures costs little
beside the rules: two binary searches and a difference, whatever the number of events. Who asks for several moments asks
for them at one go: what was looked up for one of them is there for all.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import cast

from services.segmentation.history import Total
from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import period
from services.segmentation.rules.decay import share_of
from services.segmentation.rules.leaves import Leaves
from services.segmentation.rules.nodes import Average, Count, Decayed, Distinct, Share, Sum
from services.segmentation.rules.running import Amounts, Occurrences, Weights
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand
from services.segmentation.rules.thresholds import lifetime

Values = Sequence[float | None]
"""At some moments, in their order, or a single one that is the same at all. None where there is nothing to measure."""
Measure = Callable[[Scene, Sequence[int]], Values]
"""Of a scene, at moments, at least one, that rise and are not before the profile's latest event."""
Counter = Callable[[Scene, Sequence[int]], Sequence[float]]
"""The same of what there always is."""

MOST = 10**15
"""Sums beyond this, on either side of zero, count as this."""

_MOST_MILLIONTHS = MOST * 10**6
_LEAST = math.ulp(0.0)  # as a decayed count never fades to nothing
_Firsts = Callable[[Sequence[int], Sequence[int], tzinfo], Sequence[int]]
"""The numbers of the first of some events, by their moments, that are in a window at some moments; a single one where
none leaves it meanwhile."""


def age_of(term: nodes.TimeTerm, leaves: Leaves) -> Measure:
    """In milliseconds; None of what never was."""
    origin = leaves.origin(term)

    def age(scene: Scene, moments: Sequence[int]) -> Values:
        origin_ms = origin(scene)
        return [None] if origin_ms is None else [at_ms - origin_ms for at_ms in moments]

    return age


def count_of(term: Count | Distinct | Decayed, leaves: Leaves) -> Counter:
    """From nothing to the number of events."""
    strand = leaves.strand(term.events)
    if isinstance(term, Decayed):
        return _decayed(strand, term.halflife_ms)
    if term.events.within is None:
        over_all = cast("Callable[[Scene], int]", lifetime(term, strand))
        return lambda scene, _: [over_all(scene)]
    firsts = _firsts_in(term.events.within)

    def left(events: Sequence[int], scene: Scene, moments: Sequence[int]) -> Sequence[int]:
        return [len(events) - first for first in firsts(events, moments, scene.zone)]

    if isinstance(term, Count):
        return lambda scene, moments: left(scene.column(strand).moments, scene, moments)
    recipe = Occurrences, term.field
    return lambda scene, moments: left(scene.column(strand).series(recipe).moments, scene, moments)


def number_of(term: Share | Sum | Average, leaves: Leaves) -> Measure:
    """None only of an average over nothing."""
    match term:
        case Share(event_type, part, halflife_ms):
            chosen, whole = leaves.strand(nodes.Selection(event_type, (part,))), nodes.Selection(event_type)
            share = share_of(chosen, leaves.strand(whole), halflife_ms)
            return lambda scene, _: [share(scene)]
        case Sum():
            totals = _totals_of(term, leaves.strand(term.events))
            return lambda scene, moments: [*map(_units, totals(scene, moments))]
        case Average():
            totals = _totals_of(term, leaves.strand(term.events))
            return lambda scene, moments: [*map(_mean, totals(scene, moments))]


def _decayed(strand: Strand, halflife_ms: int) -> Counter:
    recipe = Weights, halflife_ms

    def find(scene: Scene, moments: Sequence[int]) -> Sequence[float]:
        column = scene.column(strand)
        if not column.moments:
            return [0.0]
        newest_ms, total = column.moments[-1], column.series(recipe).total()
        return [total * math.exp2((newest_ms - at_ms) / halflife_ms) or _LEAST for at_ms in moments]

    return find


def _totals_of(term: Sum | Average, strand: Strand) -> Callable[[Scene, Sequence[int]], Sequence[Total]]:
    if term.events.within is None:
        over_all = cast("Callable[[Scene], Total]", lifetime(Average(term.events, term.field), strand))
        return lambda scene, _: [over_all(scene)]
    firsts, recipe = _firsts_in(term.events.within), (Amounts, term.field)

    def totals(scene: Scene, moments: Sequence[int]) -> Sequence[Total]:
        column = scene.column(strand)
        return [*map(column.series(recipe).since, firsts(column.moments, moments, scene.zone))]

    return totals


def _firsts_in(window: nodes.Window) -> _Firsts:
    def first(events: Sequence[int], at_ms: int, zone: tzinfo) -> int:
        if isinstance(window, int):
            return bisect_right(events, at_ms - window)
        return bisect_left(events, period(window, at_ms, zone)[0])

    def firsts(events: Sequence[int], moments: Sequence[int], zone: tzinfo) -> Sequence[int]:
        earliest = first(events, moments[0], zone)
        if earliest == len(events) or earliest == first(events, moments[-1], zone):
            return [earliest]
        return [first(events, at_ms, zone) for at_ms in moments]

    return firsts


def _units(total: Total) -> float:
    if abs(total.millionths) > _MOST_MILLIONTHS:
        return MOST if total.millionths > 0 else -MOST
    return total.millionths / 10**6


def _mean(total: Total) -> float | None:
    return total.millionths / (10**6 * total.numbers) if total.numbers else None
