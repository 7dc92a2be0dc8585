"""What the stream tells a trainer: what a user looks like at a moment, and what a user has done that was foretold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from services.segmentation.history import Profile

Vector = tuple[float | None, ...]
"""The features of a user in the order of the definition; None where there is nothing to measure."""
BOUND = 25.0
"""Features are finite and within this, on either side of zero; those of RFM alone are in units of their own."""


@dataclass(frozen=True, slots=True)
class Sample:
    user: int
    """A pseudonym, as `pseudonym` makes it; never the id."""
    at_ms: int
    features: Vector
    label: bool | None = None
    """Whether the user is in the seed segment, for a look-alike model; None for all others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sampled user has done what a propensity model foretells."""

    user: int
    at_ms: int


Told = Sample | Outcome


def pseudonym(space: str, user_id: str, key: bytes = b"") -> int:
    """64 bits that stand for a user. With an operator's `key`, at most 64 bytes, nobody else can tell of whom."""
    return int.from_bytes(blake2b(f"{space}\n{user_id}".encode(), digest_size=8, key=key).digest())


class Activity(NamedTuple):
    """How much has been heard of a user, and until when."""

    latest_ms: int
    events: int

    @classmethod
    def of(cls, profile: Profile) -> "Activity":
        logs = profile.types.values()
        return cls(profile.latest_ms, sum(len(log.entries) + log.dropped_count for log in logs))


def is_due(user: int, before: Activity | None, now: Activity, every_ms: int) -> bool:
    """Whether a user is sampled of whom one was known before, if anything, and the other is known now.

    Once in every stretch of `every_ms` in which something happens; the stretches of each user begin at another time.
    And whenever the number of events reaches a power of two: what is known of a newcomer changes with every one of the
    first, and who never comes again would be learned as the first event shows him.
    """
    if before is None:
        return True
    offset_ms = user % every_ms
    is_another_stretch = (now.latest_ms + offset_ms) // every_ms > (before.latest_ms + offset_ms) // every_ms
    return is_another_stretch or now.events.bit_length() > before.events.bit_length()


def row_of(told: Told) -> Sequence[Any]:
    """As JSON holds it."""
    if isinstance(told, Outcome):
        return [told.user, told.at_ms]
    return [told.user, told.at_ms, told.features, told.label]


def told_in(row: Sequence[Any]) -> Told:
    """What `row_of` wrote. Raises ValueError."""
    match row:
        case [int(user), int(at_ms)] if type(user) is type(at_ms) is int:
            return Outcome(user, at_ms)
        case [int(user), int(at_ms), [*features], (bool() | None) as label] if type(user) is type(at_ms) is int and all(
            map(_is_measured, features)
        ):
            return Sample(user, at_ms, tuple(features), label)
    raise ValueError("neither a sample nor an outcome")


def _is_measured(value: object) -> bool:
    """Whether it can be a feature: a finite number, or None."""
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
