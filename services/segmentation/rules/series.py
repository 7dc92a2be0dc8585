"""What rules read out of a profile: numbers as steps over time, and the newest moments.

A term's value, if nothing else happens, changes only when an event leaves its window. So it is a list of steps
(from_ms, value), the first from START, each lasting until the next.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from itertools import accumulate
from typing import Any

from services.segmentation.intervals import START
from services.segmentation.profile import Entry, Profile, Total, TypeLog, millionths
from services.segmentation.rules.calendar import period
from services.segmentation.rules.nodes import Average, Calendar, Count, Distinct, Filter, Selection, StepTerm, Sum
from services.segmentation.rules.values import equal_to_any, kind_of

Value = int | Total
"""Of a count or a distinct the number, of a sum the millionths, of an average the total that it is the mean of."""

Matcher = Callable[[Sequence[Entry]], Sequence[Entry]]

Tally = Callable[[Sequence[Entry], TypeLog], list[Value]]
"""From the oldest of some entries on: the value over all of them, without the first, and so on down to none."""


Steps = Callable[[Profile, TypeLog, tzinfo], Iterator[tuple[int, Value]]]


def steps(term: StepTerm) -> Steps:
    """How to find the steps of `term` in the profile's log of its event type, right from `profile.latest_ms` on.

    The zone is that by which calendar days begin.
    """
    matching, within, tally = matcher(term.events.filters), term.events.within, _tally(term)
    if within is None:
        return lambda _, log, __: iter([(START, tally(matching(log.entries), log)[0])])
    if isinstance(within, int):
        return _sliding(within, matching, tally)
    return _calendar(within, matching, tally)


def _sliding(within_ms: int, matching: Matcher, tally: Tally) -> Steps:
    def find(profile: Profile, log: TypeLog, _: tzinfo) -> Iterator[tuple[int, Value]]:
        entries = matching(after(log, profile.latest_ms - within_ms))
        values = tally(entries, log)
        yield START, values[0]
        for index, entry in enumerate(entries, start=1):
            if index == len(entries) or entries[index].ts_ms != entry.ts_ms:
                yield entry.ts_ms + within_ms, values[index]

    return find


def _calendar(window: Calendar, matching: Matcher, tally: Tally) -> Steps:
    """All events of the period are in the window until it ends, and none is in the next one."""

    def find(profile: Profile, log: TypeLog, zone: tzinfo) -> Iterator[tuple[int, Value]]:
        begin_ms, end_ms = period(window, profile.latest_ms, zone)
        values = tally(matching(after(log, begin_ms - 1)), log)
        yield START, values[0]
        yield end_ms, values[-1]

    return find


def after(log: TypeLog, at_ms: int) -> Sequence[Entry]:
    """The entries that are later than a moment."""
    return log.entries[bisect_right(log.entries, at_ms, key=_moment) :]


def latest_ms(selection: Selection) -> Callable[[Profile], int | None]:
    """How to find when the newest selected event happened; None when there is none."""
    matching = matcher(selection.filters)

    def find(profile: Profile) -> int | None:
        log = profile.types.get(selection.type)
        entries = matching(log.entries) if log else ()
        return entries[-1].ts_ms if entries else None

    return find


def matcher(filters: Sequence[Filter]) -> Matcher:
    """Keeps the entries that pass every filter, in their order."""
    if not filters:
        return lambda entries: entries
    (field, test), *others = [(each.field, equal_to_any(each.any_of)) for each in filters]

    def matching(entries: Sequence[Entry]) -> Sequence[Entry]:
        found = [entry for entry in entries if test(_value_of(entry, field))]
        return [entry for entry in found if all(more(_value_of(entry, name)) for name, more in others)]

    return matching


def _value_of(entry: Entry, field: str) -> Any:
    for name, value in entry.values:
        if name == field:
            return value
    return None


def _tally(term: StepTerm) -> Tally:
    """A tally over a whole lifetime begins with what fell off the log."""
    whole = term.events.within is None and not term.events.filters
    match term:
        case Count():
            return lambda entries, log: list(range(len(entries) + (log.dropped_count if whole else 0), -1, -1))
        case Sum(_, field):
            return lambda entries, log: [total.millionths for total in _totals(entries, log, field, whole)]
        case Average(_, field):
            return lambda entries, log: list(_totals(entries, log, field, whole))
        case Distinct(_, field):
            return lambda entries, _: _distinct(entries, field)


def _totals(entries: Sequence[Entry], log: TypeLog, field: str, whole: bool) -> list[Total]:
    before = log.dropped_totals.get(field, Total()) if whole else Total()
    totals = accumulate((_value_of(entry, field) for entry in reversed(entries)), _plus, initial=before)
    return list(totals)[::-1]


def _plus(total: Total, value: object) -> Total:
    amount = millionths(value)
    return total if amount is None else Total(total.millionths + amount, total.numbers + 1)


def _distinct(entries: Sequence[Entry], field: str) -> list[Value]:
    seen: set[tuple[str, Any]] = set()
    numbers: list[Value] = [0]
    for entry in reversed(entries):
        value = _value_of(entry, field)
        if value is not None and not isinstance(value, tuple):
            seen.add((kind_of(value), value))
        numbers.append(len(seen))
    return numbers[::-1]


def _moment(entry: Entry) -> int:
    return entry.ts_ms
