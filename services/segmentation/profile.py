"""A user's profile: the newest events of each type, plain totals of what fell off, and the latest values.

The law: a profile is a function of the set of events alone. Adding them in any order gives equal profiles, and an
event whose id is known changes nothing. Events are therefore ranked by (time, id digest) and never by arrival.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.keep import CONTEXT, MAX_SIZE, KeepList, KeptValue, kept_fields, matchable, size_of

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

TIME_ZONE = "timezone"
_ZONE_NAME = re.compile(r"[A-Za-z0-9+_/-]{1,64}")

T = TypeVar("T")
_WIDE = Context(prec=400)  # digits; the largest float has 309, and six decimals are kept of it


class Entry(NamedTuple):
    """What is kept of one event. Ordered by time, then by digest: two entries never share both."""

    ts_ms: int
    digest: int
    values: tuple[tuple[str, KeptValue], ...] = ()


class Total(NamedTuple):
    """A sum of numbers, in millionths, and how many there were."""

    millionths: int = 0
    numbers: int = 0


class Latest(NamedTuple):
    """The newest value of something, by time, then by event id, as the rule language asks.

    None where it was deleted, or is nothing that a rule could compare (an object, an empty list).
    """

    ts_ms: int
    event_id: str
    value: KeptValue | None


class Consent(NamedTuple):
    """The newest consent record, by time, then by event id."""

    ts_ms: int
    event_id: str
    purposes: tuple[int, ...]


class Listing(NamedTuple):
    """The newest entry of a list for the user, by time, then by event id; True before False between equal ones."""

    ts_ms: int
    event_id: str
    listed: bool
    until_ms: int | None = None

    @property
    def rank(self) -> tuple[int, str, bool, int]:
        return self.ts_ms, self.event_id, self.listed, -1 if self.until_ms is None else self.until_ms


@dataclass(frozen=True, slots=True)
class TypeLog:
    """The events of one type: `entries` in rising order, and what is known of those that fell off."""

    entries: tuple[Entry, ...] = ()
    dropped: tuple[Entry, ...] = ()
    """The newest dropped entries, without values: only their ids matter."""
    dropped_count: int = 0
    dropped_totals: Mapping[str, Total] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    first_ms: int | None
    """The first event; None for a user who is only known from lists."""
    latest_ms: int
    """The newest event or list entry: what was before it is not known any more."""
    types: Mapping[str, TypeLog] = field(default_factory=dict)
    traits: Mapping[str, Latest] = field(default_factory=dict)
    context: Mapping[str, Latest] = field(default_factory=dict)
    """By path, without the leading `context.`."""
    consent: Consent | None = None
    time_zone: Latest | None = None
    """The latest name of a time zone among the events, kept whatever the keep list says: local hours need it."""
    lists: Mapping[str, Listing] = field(default_factory=dict)

    @property
    def purposes(self) -> frozenset[int] | None:
        """The purposes granted; None without a consent record."""
        return None if self.consent is None else frozenset(self.consent.purposes)

    @property
    def own_zone(self) -> str | None:
        """The name of the user's time zone, as the newest event that tells it has it."""
        name = self.time_zone.value if self.time_zone else None
        return name if isinstance(name, str) else None


def add(profile: Profile | None, fact: Fact, keep: KeepList) -> Profile:
    """The profile with `fact` in it; the same object when it is a repeat."""
    added = add_all(profile, [fact], keep)
    assert added is not None
    return added


def add_all(profile: Profile | None, facts: Iterable[Fact], keep: KeepList) -> Profile | None:
    """The same for several, in their order; None when there is neither a profile nor a fact."""
    known = set() if profile is None else _digests(profile)
    for fact in facts:
        if isinstance(fact, ListEntry):
            profile = _list(profile or Profile(None, fact.ts_ms), fact)
            continue
        digest = _id_digest(fact.event_id)
        if digest not in known:
            known.add(digest)
            profile = _add(profile or Profile(fact.ts_ms, fact.ts_ms), fact, digest, keep)
    return profile


def millionths(value: object) -> int | None:
    """A JSON number as a whole number of millionths, half to even on its shortest decimal form; None for the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value * 1_000_000
    return int(Decimal(repr(value)).scaleb(6, _WIDE).to_integral_value(ROUND_HALF_EVEN))


def _digests(profile: Profile) -> set[int]:
    """The ids that have been counted, whatever their events' types."""
    return {entry.digest for log in profile.types.values() for entry in chain(log.entries, log.dropped)}


def _add(profile: Profile, event: Event, digest: int, keep: KeepList) -> Profile:
    kept = kept_fields(event.properties, event.context, keep)
    values = _bounded((name, usable) for name, value in kept.items() if (usable := matchable(value)) is not None)
    log = _insert(profile.types.get(event.type, TypeLog()), Entry(event.ts_ms, digest, values))
    paths = {name.removeprefix(CONTEXT): value for name, value in kept.items() if name.startswith(CONTEXT)}
    return replace(
        profile,
        first_ms=event.ts_ms if profile.first_ms is None else min(profile.first_ms, event.ts_ms),
        latest_ms=max(profile.latest_ms, event.ts_ms),
        types=_first_by_name({**profile.types, event.type: log}, MAX_TYPES),
        traits=_newest(profile.traits, event, event.traits),
        context=_newest(profile.context, event, paths),
        consent=_newest_consent(profile.consent, event),
        time_zone=_newest_zone(profile.time_zone, event),
    )


def _list(profile: Profile, entry: ListEntry) -> Profile:
    before = profile.lists.get(entry.list_id)
    listing = Listing(entry.ts_ms, entry.event_id, entry.listed, entry.until_ms)
    newest = listing if before is None or before.rank < listing.rank else before
    if newest is before:
        return profile
    ranked = sorted({**profile.lists, entry.list_id: newest}.items(), key=lambda item: (item[1].rank, item[0]))
    return replace(profile, latest_ms=max(profile.latest_ms, entry.ts_ms), lists=dict(ranked[-MAX_LISTS:]))


def _bounded(values: Iterable[tuple[str, KeptValue]]) -> tuple[tuple[str, KeptValue], ...]:
    """As many of an event's values as may be kept of one."""
    kept, size = [], 0
    for name, value in values:
        size += len(name) + size_of(value)
        if size > MAX_SIZE:
            break
        kept.append((name, value))
    return tuple(kept)


def _first_by_name(known: dict[str, T], most: int) -> dict[str, T]:
    """A bound that arrival cannot sway: a name that stays in the end was never out, so nothing of it is missing."""
    return known if len(known) <= most else {name: known[name] for name in sorted(known)[:most]}


def _id_digest(event_id: str) -> int:
    """64 bits that stand for an event id: within one user's events two ids share them with odds of about 1 in 10^13."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big")


def _insert(log: TypeLog, entry: Entry) -> TypeLog:
    at = bisect_left(log.entries, entry)
    entries = (*log.entries[:at], entry, *log.entries[at:])
    if len(entries) <= RETAINED:
        return replace(log, entries=entries)
    oldest, *rest = entries
    return _drop(replace(log, entries=tuple(rest)), oldest)


def _drop(log: TypeLog, entry: Entry) -> TypeLog:
    dropped = list(log.dropped)
    insort(dropped, Entry(entry.ts_ms, entry.digest))
    totals = dict(log.dropped_totals)
    for name, value in entry.values:
        amount = millionths(value)
        if amount is not None:
            total = totals.get(name, Total())
            totals[name] = Total(total.millionths + amount, total.numbers + 1)
    totals = _first_by_name(totals, MAX_TOTALS)
    return TypeLog(log.entries, tuple(dropped[-REMEMBERED:]), log.dropped_count + 1, totals)


def _newest(known: Mapping[str, Latest], event: Event, values: Mapping[str, Any]) -> Mapping[str, Latest]:
    if not values:
        return known
    newest = dict(known)
    for name, value in values.items():
        before = newest.get(name)
        if before is None or (before.ts_ms, before.event_id) < (event.ts_ms, event.event_id):
            kept = matchable(value)
            small = kept is None or size_of(kept) <= MAX_SIZE
            newest[name] = Latest(event.ts_ms, event.event_id, kept if small else None)
    if len(newest) <= MAX_LATEST:
        return newest
    ranked = sorted(newest.items(), key=lambda item: (item[1].ts_ms, item[1].event_id, item[0]))
    return dict(ranked[-MAX_LATEST:])


def _newest_consent(known: Consent | None, event: Event) -> Consent | None:
    if event.purposes is None:
        return known
    consent = Consent(event.ts_ms, event.event_id, tuple(sorted(event.purposes)))
    return consent if known is None else max(known, consent)


def _newest_zone(known: Latest | None, event: Event) -> Latest | None:
    name = event.context.get(TIME_ZONE)
    if not isinstance(name, str) or not _ZONE_NAME.fullmatch(name):
        return known
    zone = Latest(event.ts_ms, event.event_id, name)
    return zone if known is None else max(known, zone, key=lambda each: (each.ts_ms, each.event_id))
