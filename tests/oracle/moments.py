"""The moments at which a rule's truth can change, so that comparing there and between them misses nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from math import log2
from typing import get_args

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.rules.nodes import (
    Calendar,
    Compare,
    Decayed,
    InSegment,
    Literal,
    ModelTerm,
    Rule,
    Selection,
    leaves,
)
from tests.oracle.clocks import QUARTER_MS, local, page
from tests.oracle.judge import NO_MODELS, NO_SEGMENTS, everything
from tests.oracle.models import Trained
from tests.oracle.seen import Seen, first_arrivals, selected
from tests.oracle.terms import weight
from tests.oracle.walking import walk

FAR_FUTURE_MS = 101 * 366 * 86_400_000  # past every duration that the strategies write, and every crossing
_LONGEST_PERIOD_MS = 32 * 86_400_000
_NUDGES = (-2, -1, 0, 1, 2)


def moments(
    rule: Rule,
    facts: Sequence[Fact],
    *,
    segments: Mapping[str, Rule] = NO_SEGMENTS,
    zone: tzinfo = UTC,
    models: Mapping[str, Trained] = NO_MODELS,
) -> list[int]:
    """The moments from the latest fact on at which the rule's truth can change, with their neighbours, and the end.

    Between two of them nothing changes, as long as the rule does not ask what hour or weekday it is: see `hours`.
    """
    events = first_arrivals([fact for fact in facts if isinstance(fact, Event)])
    entries = [fact for fact in facts if isinstance(fact, ListEntry)]
    counted: list[Fact] = [*events, *entries]
    latest_ms = max(fact.ts_ms for fact in counted)
    seen = Seen(events, entries, latest_ms, everything, segments, {}, zone, models)
    parts = [part for each in made_of(rule, segments) for part in walk(each)]
    around = {at + nudge for at in _changes(parts, seen) for nudge in _NUDGES}
    end_ms = latest_ms + FAR_FUTURE_MS
    return sorted({at for at in around if latest_ms <= at < end_ms} | {latest_ms, end_ms})


def _changes(parts: Sequence[object], seen: Seen) -> Iterator[int]:
    """A time term or a window changes as an event gets as old as a duration; the rest is said one by one."""
    times_ms = {event.ts_ms for event in seen.events}
    windows = {part.within for part in parts if isinstance(part, Selection)}
    yield from (ts + age for ts in times_ms for age in {0} | _durations(parts) | _of_models(parts, seen))
    yield from (page_end(each, ts, seen.zone) for each in get_args(Calendar) if each in windows for ts in times_ms)
    yield from (entry.until_ms for entry in seen.entries if entry.until_ms is not None)
    for part in parts:
        if isinstance(part, Compare):
            yield from _crossings(part, seen)


def _crossings(compare: Compare, seen: Seen) -> Iterator[int]:
    """Where a decaying count reaches the number that it is compared with, to the millisecond or the next."""
    match (compare.left, compare.right):
        case (Decayed() as term, Literal(value=threshold)) | (Literal(value=threshold), Decayed() as term):
            events = selected(term.events, seen)
            if events and isinstance(threshold, int | float) and threshold > 0:
                latest_ms = max(event.ts_ms for event in events)
                fresh = float(weight(events, latest_ms, term.halflife_ms))
                yield latest_ms + round(term.halflife_ms * (log2(fresh) - log2(threshold)))


def page_end(window: Calendar, at_ms: int, zone: tzinfo) -> int:
    """The first millisecond of the next day, week or month, found by halving what lies between."""
    here, shown = at_ms, page(window, at_ms, zone)
    there = at_ms + _LONGEST_PERIOD_MS
    while there - here > 1:
        middle = (here + there) // 2
        here, there = (middle, there) if page(window, middle, zone) == shown else (here, middle)
    return there


def hours(begin_ms: int, zone: tzinfo) -> list[int]:
    """The moments of the next two days at which the clock shows another hour, and the midnights of a week."""
    first_ms = begin_ms // QUARTER_MS * QUARTER_MS
    quarters = range(first_ms + QUARTER_MS, first_ms + 8 * 24 * 4 * QUARTER_MS, QUARTER_MS)
    turns = [at for at in quarters if local(at, zone).hour != local(at - 1, zone).hour]
    return [at for at in turns if at < first_ms + 2 * 24 * 4 * QUARTER_MS or local(at, zone).hour == 0]


def _durations(parts: Sequence[object]) -> set[int]:
    """Every duration that a rule writes, in milliseconds: windows, and literals beside time terms."""
    written = [part.value for part in parts if isinstance(part, Literal) and part.kind == "duration"]
    windows = [part.within for part in parts if isinstance(part, Selection)]
    return {ms for ms in (*written, *windows) if isinstance(ms, int)}


def _of_models(parts: Sequence[object], seen: Seen) -> set[int]:
    """How old something is when a model that a rule names may say something else of it."""
    named = {part.model for part in parts if isinstance(part, ModelTerm)} & seen.models.keys()
    return {age_ms for model in named for age_ms in seen.models[model].ages_ms}


def made_of(rule: Rule, segments: Mapping[str, Rule]) -> Iterator[Rule]:
    """The rule and those of the segments that it names, and that they name."""
    yield rule
    for leaf in leaves(rule):
        if isinstance(leaf, InSegment):
            yield from made_of(segments[leaf.segment_id], segments)
