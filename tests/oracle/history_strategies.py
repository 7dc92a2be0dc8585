"""Hypothesis strategies for what one user did, as it arrives: all that the collector lets through."""

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from services.segmentation.events import Event, ListEntry
from tests.oracle.pools import (
    DAYS_BY_ZONE,
    DURATIONS_MS,
    LISTS,
    NOON_MS,
    NOT_ZONES,
    ODD_VALUES,
    PLAIN_NUMBERS,
    TRAITS,
    TYPES,
    USER,
)
from tests.oracle.seen import first_arrivals, newest

_words = st.sampled_from([*("a", "a", "b", 1, "a", True, "a", "1", "a") * 12, *ODD_VALUES])
_numbers = st.sampled_from([*PLAIN_NUMBERS * 10, *ODD_VALUES])
_objects = {
    "device": st.fixed_dictionaries({"type": _words}, optional={"os": _words}),
    "geo": st.fixed_dictionaries({}, optional={"country": _words}),
    "timezone": st.sampled_from([*DAYS_BY_ZONE, *DAYS_BY_ZONE, *NOT_ZONES]),
}
_property_values = {"item_id": _words, "brand": _words, "value": _numbers, "quantity": _numbers}
_well_formed = st.fixed_dictionaries({}, optional=_objects)
_malformed: list[dict[str, Any]] = [
    {"device": None},
    {"device": "mobile", "geo": []},
    {"device": [{"type": "a"}]},
    {"device.type": "a"},
    {"device": {"type": {"type": "a"}, "os": None}},
    {"context": {"device": {"type": "a"}}},
]
_contexts = _well_formed | _well_formed | st.sampled_from(_malformed)
_edges_ms = [NOON_MS - back_ms + nudge_ms for back_ms in (0, *DURATIONS_MS) for nudge_ms in (0, 1, -1)]
# Greater by code points, by digest and by length are three different orders among these.
_event_ids = st.sampled_from([*(f"e{n}" for n in range(36)), "E", "e", "\u00e9", "\U0001f45f", "\uffff", "e 1"])
_events = st.builds(
    Event,
    event_id=_event_ids,
    user_id=st.just(USER),
    type=st.sampled_from(TYPES),
    ts_ms=st.sampled_from([NOON_MS, *_edges_ms, 0]),
    properties=st.fixed_dictionaries({"category": _words}, optional=_property_values),
    context=_contexts,
    traits=st.just({}) | st.dictionaries(st.sampled_from(TRAITS), _words | _numbers, max_size=2),
)
_entries = st.builds(
    ListEntry,
    event_id=st.uuids(version=4).map(str),
    user_id=st.just(USER),
    list_id=st.sampled_from(LISTS),
    ts_ms=st.sampled_from([NOON_MS, *_edges_ms]),
    listed=st.sampled_from([True, True, True, False]),
    until_ms=st.sampled_from([None, *(2 * NOON_MS - edge_ms for edge_ms in _edges_ms), *_edges_ms[:6]]),
)


@st.composite
def histories(draw: st.DrawFn, max_events: int = 14) -> list[Event]:
    """One user's events in order of arrival, at least one: late, tied, resent unchanged, resent under a used id."""
    fewest = draw(st.sampled_from([max_events // 2, 1]))
    events = draw(st.lists(_events, min_size=fewest, max_size=max_events))
    for resent in draw(st.lists(st.sampled_from(events), max_size=3)):
        events.insert(draw(st.integers(0, len(events))), resent)
    return events


@st.composite
def listings(draw: st.DrawFn) -> list[ListEntry]:
    """What lists say of one user, at least once, in order of arrival: late, tied, repeated."""
    entries = draw(st.lists(_entries, min_size=1, max_size=4, unique_by=lambda each: each.event_id))
    return entries + draw(st.lists(st.sampled_from(entries), max_size=1))


@st.composite
def deep_histories(draw: st.DrawFn, *, resend_forgotten: bool) -> list[Event]:
    """More events of one type than terms look at, mixed with an ordinary history, in some order of arrival.

    Some are resent, unchanged or as something else. With `resend_forgotten` that includes events that are no longer
    among the 256 newest of their type; without, only such as are among them to the end, and so always have been.
    """
    random = Random(draw(st.integers(0, 2**32 - 1)))
    total = draw(st.sampled_from([257, 258, 300, 520]))
    tied = draw(st.sampled_from([1, 3, 50, 600]))
    step_ms = draw(st.sampled_from([1, 1_000, 60_000]))
    events = [_deep_event(number, NOON_MS - number // tied * step_ms) for number in range(total)]
    arrange = draw(st.sampled_from([lambda _: None, list.reverse, random.shuffle]))
    arrange(events)
    for event in first_arrivals(draw(histories(max_events=5))):
        events.insert(random.randrange(len(events) + 1), event)
    return events + _resends(events, random, resend_forgotten)


def _deep_event(number: int, ts_ms: int) -> Event:
    value = (0.1, 1, 1e15, None, "1")[number % 5]
    properties: dict[str, Any] = {"category": "ab"[number % 2], "value": value}
    if number % 3 == 0:
        properties["item_id"] = number
    context = {"device": {"type": "ab"[number % 7 // 6]}} if number % 4 else {}
    traits = {"tier": number} if number % 90 == 0 else {}
    return Event(f"d{number}", USER, "view", ts_ms, properties=properties, context=context, traits=traits)


def _resends(events: list[Event], random: Random, resend_forgotten: bool) -> list[Event]:
    counted = first_arrivals(events)
    by_type = [[event for event in counted if event.type == kind] for kind in TYPES]
    remembered = [event for events in by_type for event in newest(events)]
    chosen = random.choices(counted if resend_forgotten else remembered, k=10)
    changed = [replace(event, type="buy", ts_ms=NOON_MS, properties={"value": 7}) for event in chosen[5:]]
    return chosen[:5] + changed
