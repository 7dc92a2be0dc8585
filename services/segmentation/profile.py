"""A user's profile: how it grows with what the log tells.

The law: a profile is a function of the set of events alone. Adding them in any order gives equal profiles, and an
event whose id is known changes nothing. Events are therefore ranked by (time, id digest) and never by arrival.
"""

import re
from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeVar

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.history import Consent, Entry, Latest, Listing, Profile, Total, TypeLog, millionths
from services.segmentation.keep import MAX_SIZE, Fields, KeepList, KeptValue, matchable, size_of

__all__ = ["Consent", "Entry", "Latest", "Listing", "Profile", "Total", "TypeLog", "add", "add_all", "millionths"]

RETAINED = 256
"""Events of a type that rules can look at."""
REMEMBERED = 1024
"""Ids kept beyond those, so that a repeat of an event that fell off is still known as one."""
MAX_LATEST = 256
"""Latest values of each sort (traits, context paths) that are kept: the newest ones."""

MAX_TYPES = 100
"""Event types of one user that are kept: the first ones by name."""
MAX_TOTALS = 64
"""Properties of one type that totals are kept of: the first ones by name."""
MAX_LISTS = 100
"""Lists that one user can be known to be on, or to have been: the ones with the newest entries."""

_NOBODY = Profile(None, 0)
_NO_LOG = TypeLog()

TIME_ZONE = "timezone"
_ZONE_NAME = re.compile(r"[A-Za-z0-9+_/-]{1,64}")

T = TypeVar("T")


def add(profile: Profile | None, fact: Fact, keep: KeepList) -> Profile:
    """The profile with `fact` in it; the same object when it is a repeat."""
    added = add_all(profile, [fact], keep)
    assert added is not None
    return added


def add_all(
    profile: Profile | None, facts: Iterable[Fact], keep: KeepList, known: set[int] | None = None
) -> Profile | None:
    """The same for several, in their order; None when there is neither a profile nor a fact.

    `known` are the `digests` of the profile, for who has them already; they become those of the next one.
    """
    grown = None
    if known is None:
        known = digests(profile) if profile else set()
    for fact in facts:
        if isinstance(fact, ListEntry):
            grown = grown or _Growing(profile, keep, known)
            grown.enter(fact)
            continue
        digest = _id_digest(fact.event_id)
        if digest not in known:
            known.add(digest)
            grown = grown or _Growing(profile, keep, known)
            grown.add(fact, digest)
    return profile if grown is None else grown.profile() or profile


def digests(profile: Profile) -> set[int]:
    """The ids that have been counted, whatever their events' types."""
    return {entry.digest for log in profile.types.values() for entry in chain(log.entries, log.dropped)}


class _Growing:
    """A profile to which facts are being added."""

    def __init__(self, before: Profile | None, keep: KeepList, known: set[int]) -> None:
        self._before, self._keep, self._known = before or _NOBODY, keep, known
        self._latest_ms = self._before.latest_ms
        self._logs: dict[str, _GrowingLog] = {}
        self._told: list[tuple[int, str, Event, Fields]] = []
        """Of each event, when it happened, its id, itself, and what is kept of its context."""
        self._lists = self._before.lists

    def add(self, event: Event, digest: int) -> None:
        ts_ms, event_type = event.ts_ms, event.type
        fields, paths = self._keep.kept(event.properties, event.context)
        log = self._logs.get(event_type)
        if log is None:
            log = self._logs[event_type] = _GrowingLog(self._before.types.get(event_type, _NO_LOG), self._known)
        log.insert(Entry(ts_ms, digest, _bounded(fields)))
        self._told.append((ts_ms, event.event_id, event, paths))

    def enter(self, entry: ListEntry) -> None:
        before = self._lists.get(entry.list_id)
        listing = Listing(entry.ts_ms, entry.event_id, entry.listed, entry.until_ms)
        if before is None or before.rank < listing.rank:
            ranked = sorted({**self._lists, entry.list_id: listing}.items(), key=lambda item: (item[1].rank, item[0]))
            self._lists = dict(ranked[-MAX_LISTS:])
            self._latest_ms = max(self._latest_ms, entry.ts_ms)

    def profile(self) -> Profile | None:
        """As it is now; None where nothing has changed."""
        before, told = self._before, self._told
        if not told:
            return (
                None if self._lists is before.lists else replace(before, latest_ms=self._latest_ms, lists=self._lists)
            )
        told.sort(key=_rank, reverse=True)
        (latest_ms, *_), (first_ms, *_) = told[0], told[-1]
        types = {**before.types, **{event_type: log.frozen() for event_type, log in self._logs.items()}}
        return Profile(
            first_ms if before.first_ms is None else min(before.first_ms, first_ms),
            max(self._latest_ms, latest_ms),
            _first_by_name(types, MAX_TYPES),
            _newest_values(before.traits, [(*_rank(each), each[2].traits.items()) for each in told if each[2].traits]),
            _newest_values(before.context, [(ts_ms, event_id, paths) for ts_ms, event_id, _, paths in told if paths]),
            _newest_consent(before.consent, [event for _, _, event, _ in told]),
            _newest_zone(before.time_zone, [event for _, _, event, _ in told]),
            self._lists,
        )


class _GrowingLog:
    def __init__(self, before: TypeLog, known: set[int]) -> None:
        self._before, self._known = before, known
        self._entries = list(before.entries)
        self._dropped: list[Entry] | None = None
        self._totals: dict[str, Total] = {}
        self._count = before.dropped_count

    def insert(self, entry: Entry) -> None:
        if not self._entries or self._entries[-1] < entry:
            self._entries.append(entry)
        else:
            insort(self._entries, entry)
        if len(self._entries) > RETAINED:
            self._drop(self._entries.pop(0))

    def frozen(self) -> TypeLog:
        if self._dropped is None:
            return TypeLog(tuple(self._entries), self._before.dropped, self._count, self._before.dropped_totals)
        totals = _first_by_name(self._totals, MAX_TOTALS)
        return TypeLog(tuple(self._entries), tuple(self._dropped), self._count, totals)

    def _drop(self, entry: Entry) -> None:
        if self._dropped is None:
            self._dropped, self._totals = list(self._before.dropped), dict(self._before.dropped_totals)
        insort(self._dropped, Entry(entry.ts_ms, entry.digest))
        if len(self._dropped) > REMEMBERED:
            self._known.discard(self._dropped.pop(0).digest)
        self._count += 1
        for name, value in entry.values:
            if not isinstance(value, str) and (amount := millionths(value)) is not None:
                total = self._totals.get(name, Total())
                self._totals[name] = Total(total.millionths + amount, total.numbers + 1)


def _rank(told: tuple[int, str, Event, Fields]) -> tuple[int, str]:
    return told[:2]


def _bounded(fields: Fields) -> tuple[tuple[str, KeptValue], ...]:
    """As many of an event's values as may be kept of one."""
    kept, size = [], 0
    for item in fields:
        name, value = item
        usable = matchable(value)
        if usable is None:
            continue
        size += len(name) + size_of(usable)
        if size > MAX_SIZE:
            break
        kept.append(item if usable is value else (name, usable))
    return tuple(kept)


def _newest_values(
    known: Mapping[str, Latest], told: Iterable[tuple[int, str, Iterable[tuple[str, Any]]]]
) -> Mapping[str, Latest]:
    """`told` holds the newest event first, so that the others have only to add what that does not tell."""
    newest: dict[str, Latest] = {}
    for ts_ms, event_id, values in told:
        for name, value in values:
            if name not in newest:
                before = known.get(name)
                outranked = before is None or before[0] < ts_ms or (before[0] == ts_ms and before[1] < event_id)
                newest[name] = Latest(ts_ms, event_id, _small(value)) if outranked or before is None else before
    if not newest:
        return known
    newest = {**known, **newest}
    if len(newest) <= MAX_LATEST:
        return newest
    ranked = sorted(newest.items(), key=lambda item: (item[1].ts_ms, item[1].event_id, item[0]))
    return dict(ranked[-MAX_LATEST:])


def _small(value: object) -> KeptValue | None:
    kept = matchable(value)
    return kept if not isinstance(kept, tuple) or size_of(kept) <= MAX_SIZE else None


def _first_by_name(known: dict[str, T], most: int) -> dict[str, T]:
    """A bound that arrival cannot sway: a name that stays in the end was never out, so nothing of it is missing."""
    return known if len(known) <= most else {name: known[name] for name in sorted(known)[:most]}


def _id_digest(event_id: str) -> int:
    """64 bits that stand for an event id: within one user's events two ids share them with odds of about 1 in 10^13."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big")


def _newest_consent(known: Consent | None, told: Iterable[Event]) -> Consent | None:
    """The same for the newest record of consent."""
    for event in told:
        if event.purposes is not None:
            consent = Consent(event.ts_ms, event.event_id, tuple(sorted(event.purposes)))
            return consent if known is None else max(known, consent)
    return known


def _newest_zone(known: Latest | None, told: Iterable[Event]) -> Latest | None:
    for event in told:
        name = event.context.get(TIME_ZONE)
        if isinstance(name, str) and _ZONE_NAME.fullmatch(name):
            zone = Latest(event.ts_ms, event.event_id, name)
            return zone if known is None else max(known, zone, key=lambda each: (each.ts_ms, each.event_id))
    return known
