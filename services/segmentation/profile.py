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
from services.segmentation.keep import KeepList, Told, matchable, small

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

_Told = tuple[int, str, Event, Told]
"""When an event happened, its id, itself, and what is kept of its context."""


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
        self._latest_ms, self._lists = self._before.latest_ms, self._before.lists
        self._told: list[_Told] = []
        self._entries: dict[str, list[Entry]] = {}
        """By type, of those that grow."""
        self._dropping: dict[str, _Dropping] = {}

    def add(self, event: Event, digest: int) -> None:
        ts_ms, event_type = event.ts_ms, event.type
        values, paths = self._keep.kept(event.properties, event.context)
        self._told.append((ts_ms, event.event_id, event, paths))
        entries = self._entries.get(event_type)
        if entries is None:
            entries = self._entries[event_type] = list(self._log(event_type).entries)
        entry = Entry(ts_ms, digest, values)
        if not entries or entries[-1] < entry:
            entries.append(entry)
        else:
            insort(entries, entry)
        if len(entries) > RETAINED:
            self._drop(event_type, entries.pop(0))

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
        latest_ms, first_ms = told[0][0], told[-1][0]
        traits = [(ts_ms, event_id, _usable(event.traits)) for ts_ms, event_id, event, _ in told if event.traits]
        return Profile(
            first_ms if before.first_ms is None else min(before.first_ms, first_ms),
            max(self._latest_ms, latest_ms),
            _first_by_name({**before.types, **{each: self._grown(each) for each in self._entries}}, MAX_TYPES),
            _newest_values(before.traits, traits),
            _newest_values(before.context, [(ts_ms, event_id, paths) for ts_ms, event_id, _, paths in told if paths]),
            _newest_consent(before.consent, told),
            _newest_zone(before.time_zone, told),
            self._lists,
        )

    def _log(self, event_type: str) -> TypeLog:
        return self._before.types.get(event_type, _NO_LOG)

    def _drop(self, event_type: str, entry: Entry) -> None:
        dropping = self._dropping.get(event_type)
        if dropping is None:
            dropping = self._dropping[event_type] = _Dropping(self._log(event_type), self._known)
        dropping.drop(entry)

    def _grown(self, event_type: str) -> TypeLog:
        entries, dropping = tuple(self._entries[event_type]), self._dropping.get(event_type)
        if dropping is not None:
            return dropping.log(entries)
        before = self._log(event_type)
        return TypeLog(entries, before.dropped, before.dropped_count, before.dropped_totals)


class _Dropping:
    """What falls off the log of a type."""

    def __init__(self, before: TypeLog, known: set[int]) -> None:
        self._known, self._count = known, before.dropped_count
        self._dropped, self._totals = list(before.dropped), dict(before.dropped_totals)

    def drop(self, entry: Entry) -> None:
        insort(self._dropped, Entry(entry.ts_ms, entry.digest))
        if len(self._dropped) > REMEMBERED:
            self._known.discard(self._dropped.pop(0).digest)
        self._count += 1
        for name, value in entry.values:
            if not isinstance(value, str) and (amount := millionths(value)) is not None:
                total = self._totals.get(name, Total())
                self._totals[name] = Total(total.millionths + amount, total.numbers + 1)

    def log(self, entries: tuple[Entry, ...]) -> TypeLog:
        """With the entries that stay."""
        return TypeLog(entries, tuple(self._dropped), self._count, _first_by_name(self._totals, MAX_TOTALS))


def _rank(told: _Told) -> tuple[int, str]:
    return told[:2]


def _usable(traits: Mapping[str, Any]) -> Told:
    return {name: small(matchable(value)) for name, value in traits.items()}


def _newest_values(known: Mapping[str, Latest], told: Iterable[tuple[int, str, Told]]) -> Mapping[str, Latest]:
    """`told` holds the newest event first, so that the others have only to add what that does not tell."""
    newest: dict[str, Latest] = {}
    for ts_ms, event_id, values in told:
        for name, value in values.items():
            if name not in newest:
                before = known.get(name)
                outranked = before is None or before[0] < ts_ms or (before[0] == ts_ms and before[1] < event_id)
                newest[name] = Latest(ts_ms, event_id, value) if outranked or before is None else before
    if not newest:
        return known
    newest = {**known, **newest}
    if len(newest) <= MAX_LATEST:
        return newest
    ranked = sorted(newest.items(), key=lambda item: (item[1].ts_ms, item[1].event_id, item[0]))
    return dict(ranked[-MAX_LATEST:])


def _first_by_name(known: dict[str, T], most: int) -> dict[str, T]:
    """A bound that arrival cannot sway: a name that stays in the end was never out, so nothing of it is missing."""
    return known if len(known) <= most else {name: known[name] for name in sorted(known)[:most]}


def _id_digest(event_id: str) -> int:
    """64 bits that stand for an event id: within one user's events two ids share them with odds of about 1 in 10^13."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big")


def _newest_consent(known: Consent | None, told: Iterable[_Told]) -> Consent | None:
    """The same for the newest record of consent."""
    for ts_ms, event_id, event, _ in told:
        if event.purposes is not None:
            consent = Consent(ts_ms, event_id, tuple(sorted(event.purposes)))
            return consent if known is None else max(known, consent)
    return known


def _newest_zone(known: Latest | None, told: Iterable[_Told]) -> Latest | None:
    for ts_ms, event_id, event, _ in told:
        name = event.context.get(TIME_ZONE)
        if isinstance(name, str) and _ZONE_NAME.fullmatch(name):
            return Latest(ts_ms, event_id, name) if known is None or known[:2] < (ts_ms, event_id) else known
    return known
