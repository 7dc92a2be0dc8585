"""A change as consumers have it, and what makes its id: user, segment, entered or left, and what caused it."""

from hashlib import blake2b
from typing import Literal, NamedTuple

Kind = Literal["entered", "left"]
Cause = Literal["event", "late_event", "time", "edit", "start", "correction"]


class Who(NamedTuple):
    partition: int
    space: str
    user_id: str


class Place(NamedTuple):
    """Where a record stands in its partition, and since when."""

    offset: int
    appended_ms: int


class Change(NamedTuple):
    """One user has entered or left one segment."""

    id: str
    """The same for the same change, whenever and by whomever it is told."""
    user_id: str
    space: str
    segment: str
    change: Kind
    at_ms: int
    cause: Cause
    corrects: str | None
    """The id of a change told before that did not happen, as a late event has shown."""
    until_ms: int | None
    """Of who entered: when it ends, if nothing else happens; None where there is no end in sight."""
    partition: int
    offset: int | None
    """Of the record that caused it."""
    catalog: int


def change_id(who: Who, segment_id: str, change: Kind, cause: str) -> str:
    """128 bits (BLAKE2b, RFC 7693) as hexadecimal digits; `cause` is one of those below."""
    text = "\n".join((who.space, who.user_id, segment_id, change, cause))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def by_record(partition: int, offset: int) -> str:
    return f"record {partition} {offset}"


def by_time(at_ms: int) -> str:
    return f"time {at_ms}"


def by_edit(before: int, after: int) -> str:
    """From one version of the catalog to another."""
    return f"edit {before} {after}"


def by_consent(begun: int, consents: int) -> str:
    """Consent is required from now on, or no longer is."""
    return f"consent {begun} {consents}"


def by_start(partition: int, begun: int) -> str:
    """`begun` is another number each time that telling begins anew."""
    return f"start {partition} {begun}"


BY_CORRECTION = "correction"
"""The salt is another one each time."""
