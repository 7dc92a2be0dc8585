"""The short log: what is kept, what falls off, and that order never matters."""

from dataclasses import replace

from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL, MAX_ELEMENTS, MAX_FIELDS, MAX_TEXT, KeepList
from services.segmentation.profile import (
    MAX_LATEST,
    MAX_TOTALS,
    MAX_TYPES,
    REMEMBERED,
    RETAINED,
    Profile,
    Total,
    add,
    millionths,
)
from services.segmentation.wire.profile import encode_profile


def event(number: int, **changes: object) -> Event:
    made = Event(f"e{number}", "u", "view", 1_000 + number, properties={"value": 1, "secret": "x"})
    return replace(made, **changes)  # type: ignore[arg-type]  # tests change any field


def profile_of(events: list[Event], keep: KeepList = KEEP_ALL) -> Profile:
    profile = None
    for each in events:
        profile = add(profile, each, keep)
    assert profile is not None
    return profile


def test_a_repeat_changes_nothing_whatever_it_says() -> None:
    profile = profile_of([event(1)])
    assert add(profile, event(1), KEEP_ALL) is profile
    assert add(profile, event(1, type="purchase", ts_ms=9_999, traits={"a": 1}), KEEP_ALL) is profile


def test_only_what_the_keep_list_names_is_kept() -> None:
    context = {"device": {"type": "tv", "id": "x"}, "geo": {"city": "y"}, "page": {"url": "z"}}
    profile = profile_of([event(1, context=context)], KeepList.parse("value context.device.*"))
    (entry,) = profile.types["view"].entries
    assert entry.values == (("context.device.id", "x"), ("context.device.type", "tv"), ("value", 1))
    assert set(profile.context) == {"device.id", "device.type"}


def test_the_newest_events_stay_and_the_totals_hold_the_rest() -> None:
    log = profile_of([event(number) for number in range(RETAINED + 10)]).types["view"]
    assert [entry.ts_ms for entry in log.entries] == [1_010 + number for number in range(RETAINED)]
    assert log.dropped_count == 10
    assert log.dropped_totals["value"] == Total(10_000_000, 10)


def test_a_repeat_of_an_event_that_fell_off_is_still_known() -> None:
    events = [event(number) for number in range(RETAINED + REMEMBERED)]
    profile = profile_of(events)
    assert all(add(profile, each, KEEP_ALL) is profile for each in (events[0], events[300], events[-1]))


def test_a_late_event_older_than_all_that_is_retained_still_counts() -> None:
    events = [event(number) for number in range(RETAINED)]
    profile = add(profile_of(events), event(-500), KEEP_ALL)
    assert profile.first_ms == 500
    assert profile.types["view"].dropped_count == 1
    assert len(profile.types["view"].entries) == RETAINED


def test_far_past_the_limits_the_order_of_arrival_does_not_matter_either() -> None:
    events = [event(number, ts_ms=1_000 + number // 3) for number in range(RETAINED + REMEMBERED + 50)]
    events += [event(9_000 + number, traits={f"t{number}": number}) for number in range(MAX_LATEST + 20)]
    forward, backward = profile_of(events), profile_of(events[::-1])
    assert encode_profile(forward) == encode_profile(backward)
    assert len(forward.traits) == MAX_LATEST
    assert len(forward.types["view"].dropped) == REMEMBERED


def test_the_latest_value_is_by_time_then_by_event_id_and_null_deletes() -> None:
    first = Event("b", "u", "x", 10, traits={"tier": "gold", "age": 3})
    profile = profile_of([first, Event("a", "u", "x", 10, traits={"tier": "tin"}), Event("c", "u", "x", 5)])
    assert profile.traits["tier"].value == "gold"
    assert add(profile, Event("d", "u", "x", 10, traits={"tier": None}), KEEP_ALL).traits["tier"].value is None


def test_consent_is_the_latest_record() -> None:
    granted = Event("a", "u", "x", 10, purposes=frozenset({1, 3}))
    profile = profile_of([granted, Event("b", "u", "x", 5, purposes=frozenset()), Event("c", "u", "x", 20)])
    assert profile.purposes == frozenset({1, 3})
    assert profile_of([Event("c", "u", "x", 20)]).purposes is None


def test_numbers_become_millionths_exactly() -> None:
    assert millionths(89.9) == 89_900_000
    assert millionths(0.1) == 100_000
    assert millionths(-3) == -3_000_000
    assert millionths(1e300) == 10**306
    assert millionths(0.0000005) == 0
    assert millionths(0.0000015) == 2
    assert [millionths(value) for value in (True, None, "1", [1])] == [None] * 4


def test_what_one_visitor_can_make_us_keep_is_bounded_whatever_the_order() -> None:
    wide = {f"p{number:03d}": number for number in range(MAX_FIELDS + 5)}
    events = [event(number, type=f"t{number:03d}", properties=wide) for number in range(MAX_TYPES + 5)]
    events += [event(5_000 + number, properties={f"n{number:04d}": 1}) for number in range(RETAINED + MAX_TOTALS + 9)]
    forward, backward = profile_of(events), profile_of(events[::-1])
    assert encode_profile(forward) == encode_profile(backward)
    assert len(forward.types) == MAX_TYPES
    assert len(forward.types["t000"].entries[0].values) == MAX_FIELDS
    again = profile_of([event(number, properties={f"n{number:04d}": 1}) for number in range(RETAINED + MAX_TOTALS + 9)])
    assert len(again.types["view"].dropped_totals) == MAX_TOTALS


def test_long_texts_and_long_lists_are_not_kept_whole() -> None:
    properties = {"a": "x" * MAX_TEXT, "b": "x" * (MAX_TEXT + 1), "c": list(range(MAX_ELEMENTS + 1)), "d": ["y" * 999]}
    kept = dict(profile_of([event(1, properties=properties)]).types["view"].entries[0].values)
    assert set(kept) == {"a", "c"}
    assert kept["c"] == tuple(range(MAX_ELEMENTS))


def test_what_is_kept_of_one_event_is_bounded_by_its_size() -> None:
    swollen = {f"p{number:02}": ["x" * 250] * 4 for number in range(20)}
    event = Event("e", "u", "view", 5, properties=swollen, traits={"long": ["x" * 250] * 60, "short": "x"})
    profile = add(None, event, KEEP_ALL)
    ((_, _, values),) = profile.types["view"].entries
    assert [name for name, _ in values] == ["p00", "p01", "p02"]
    assert {name: latest.value for name, latest in profile.traits.items()} == {"long": None, "short": "x"}
    assert len(encode_profile(profile)) < 5_000
