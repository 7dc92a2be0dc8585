"""What is known of a user: the newest events of each type, plain totals of what fell off, and the latest values.

These are the words in which a profile is told, stored and read; `profile.py` says how it comes about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from services.segmentation.keep import KeptValue

_EXACT = 10**9  # below it, numbers with six decimals have at most 15 digits, which no two floats share
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


def millionths(value: object) -> int | None:
    """A JSON number as a whole number of millionths, half to even on its shortest decimal form; None for the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value * 1_000_000
    if abs(value) < _EXACT and (nearest := round(value * 1e6)) / 1e6 == value:
        return nearest
    return int(Decimal(repr(value)).scaleb(6, _WIDE).to_integral_value(ROUND_HALF_EVEN))
