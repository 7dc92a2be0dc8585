"""What a rule is judged on, and which of the events a term looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from services.segmentation.events import Event, ListEntry
from services.segmentation.rules.nodes import Filter, Rule, Selection
from tests.oracle.clocks import page
from tests.oracle.comparing import compare, plain

if TYPE_CHECKING:
    from tests.oracle.models import Trained

NEWEST = 256
ABSENT = object()

Keep = Callable[[str], bool]


@dataclass(frozen=True)
class Seen:
    """The events that count, the list entries, the moment and all that surrounds the user."""

    events: list[Event]
    entries: list[ListEntry]
    at_ms: int
    keep: Keep
    segments: Mapping[str, Rule]
    request: Mapping[str, Any]
    zone: tzinfo
    models: Mapping[str, Trained] = field(default_factory=dict)


def first_arrivals(events: Sequence[Event]) -> list[Event]:
    """The events that count. A resend under a known id changes nothing, even with another type, time or content."""
    counted: dict[str, Event] = {}
    for event in events:
        if event.event_id not in counted:
            counted[event.event_id] = event
    return list(counted.values())


def newest(events: Sequence[Event]) -> list[Event]:
    """The 256 newest of `events`; of those with the same time, the ones with the greater digests of their ids."""
    return sorted(events, key=_age_rank)[-NEWEST:]


def _age_rank(event: Event) -> tuple[int, int]:
    digest = blake2b(event.event_id.encode(), digest_size=8).digest()
    return event.ts_ms, int.from_bytes(digest, "big")


def selected(selection: Selection, seen: Seen, *, exact_over_all: bool = False) -> list[Event]:
    """The events a term looks at: the newest of the type first, then the window, then the filters."""
    events = [event for event in seen.events if event.type == selection.type]
    is_whole_past = selection.within is None and not selection.filters
    if not (exact_over_all and is_whole_past):
        events = newest(events)
    events = [event for event in events if _is_inside(event, selection, seen)]
    return [event for event in events if all(matches(event, each, seen.keep) for each in selection.filters)]


def _is_inside(event: Event, selection: Selection, seen: Seen) -> bool:
    match selection.within:
        case None:
            return True
        case int(within_ms):
            return seen.at_ms - within_ms < event.ts_ms <= seen.at_ms
        case window:
            return page(window, event.ts_ms, seen.zone) == page(window, seen.at_ms, seen.zone)


def matches(event: Event, wanted: Filter, keep: Keep) -> bool:
    """Whether the field, or one element of its list, equals one of the wanted values."""
    # Reading: lists match by their elements in contexts as in properties, one level deep: a list in a list never does.
    value = read(event, wanted.field, keep)
    elements = value if isinstance(value, list) else [value]
    literals = [plain(literal.value) for literal in wanted.any_of]
    return any(compare(plain(element), "==", literal) for element in elements for literal in literals)


def read(event: Event, field: str, keep: Keep) -> object:
    # Reading: "context." means the event's context everywhere, in `sum` too. What is not kept is absent.
    if not keep(field):
        return ABSENT
    if not field.startswith("context."):
        return event.properties.get(field, ABSENT)
    # Reading: only nested objects are walked, so that no key with a dot and no element of a list is reached.
    value: object = event.context
    for name in field.split(".")[1:]:
        if not isinstance(value, Mapping) or name not in value:
            return ABSENT
        value = value[name]
    return value
