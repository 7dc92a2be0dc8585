"""Entries of uploaded lists: what the log carries, how a profile folds them, and how long they count."""

from itertools import combinations

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import (
    MAX_TS_MS,
    Event,
    Fact,
    InvalidEvent,
    ListEntry,
    decode_fact,
    encode_event,
    encode_list_entry,
    read_event,
)
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import MAX_LISTS, Listing, Profile, add, add_all
from services.segmentation.wire.profile import VERSION, decode_profile, encode_profile
from services.segmentation.wire.version import UnknownCodec

NOW = 1_732_240_000_123
GOOD = {"event_id": "e", "user_id": "u-42", "list": "vip", "ts": NOW}

moments = st.integers(0, 5) | st.integers(0, MAX_TS_MS)
entries = st.builds(
    ListEntry,
    event_id=st.text("ab", min_size=1, max_size=2),
    user_id=st.just("u"),
    list_id=st.sampled_from(["vip", "blocked", "x"]),
    ts_ms=moments,
    listed=st.booleans(),
    until_ms=st.none() | moments,
)
events = st.builds(Event, st.text("ab", min_size=1, max_size=2), st.just("u"), st.just("view"), moments)
facts = st.lists(entries | events, min_size=1, max_size=12)


def entry(ts_ms: int = 10, event_id: str = "e", **more: object) -> ListEntry:
    return ListEntry(event_id, "u", **{"list_id": "vip", "ts_ms": ts_ms, **more})  # type: ignore[arg-type]


def fold(*several: Fact) -> Profile:
    profile = add_all(None, several, KEEP_ALL)
    assert profile is not None
    return profile


@given(entries)
def test_an_entry_comes_off_the_log_as_it_was_put_on(each: ListEntry) -> None:
    assert decode_fact(encode_list_entry(each), each.ts_ms) == each


def test_an_entry_from_far_ahead_is_refused() -> None:
    ahead_ms = 6 * 60_000
    assert decode_fact(orjson.dumps({**GOOD, "ts": NOW + ahead_ms}), NOW) == ListEntry(
        "e", "u-42", "vip", NOW + ahead_ms
    )
    with pytest.raises(InvalidEvent, match="ahead"):
        decode_fact(orjson.dumps({**GOOD, "ts": NOW + ahead_ms + 1}), NOW)


def test_an_entry_is_told_from_an_event_by_its_list() -> None:
    assert decode_fact(orjson.dumps(GOOD), NOW) == ListEntry("e", "u-42", "vip", NOW)
    event = Event("e", "u-42", "view", NOW, properties={"list": "vip"})
    assert decode_fact(encode_event(event), NOW) == event


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"user_id": "jo@example.org"}, "user_id: looks like an e-mail address"),
        ({"user_id": "u 1"}, "user_id"),
        ({"list": "VIP"}, "list"),
        ({"list": None}, "list"),
        ({"listed": 1}, "listed"),
        ({"until": "2100-01-01T00:00:00Z"}, "until"),
        ({"until": -1}, "until"),
        ({"ts": None}, "ts"),
        ({"space": "A"}, "space"),
        ({"type": "view"}, "type"),
        ({"traits": {"a": 1}}, "traits"),
    ],
)
def test_what_is_no_entry_is_refused_by_name(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidEvent, match=complaint) as refusal:
        decode_fact(orjson.dumps({**GOOD, **change}), NOW)
    assert "example.org" not in str(refusal.value)


@pytest.mark.parametrize("member", ["list", "listed", "until"])
def test_an_event_of_a_website_cannot_carry_an_entry(member: str) -> None:
    """The public door reads with this: nobody lists themselves."""
    with pytest.raises(InvalidEvent, match=member):
        read_event({"event_id": "e", "user_id": "u", "type": "view", member: "vip"}, NOW)


@given(facts, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(several: list[Fact], random: object) -> None:
    shuffled = first_of_each(several)
    once = encode_profile(fold(*shuffled))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert encode_profile(fold(*shuffled)) == once


@given(facts)
def test_an_entry_that_comes_again_changes_nothing(several: list[Fact]) -> None:
    profile = fold(*several)
    for each in several:
        if isinstance(each, ListEntry):
            assert add(profile, each, KEEP_ALL) is profile


@given(facts)
def test_a_profile_is_read_as_it_was_written(several: list[Fact]) -> None:
    profile = fold(*several)
    assert decode_profile(encode_profile(profile)) == profile


def test_the_newest_entry_counts_by_time_then_by_event_id() -> None:
    profile = fold(entry(10, "b"), entry(10, "a", listed=False), entry(9, "z", listed=False))
    assert profile.lists == {"vip": Listing(10, "b", True)}
    assert add(profile, entry(11, "a", listed=False), KEEP_ALL).lists["vip"].listed is False


def test_entries_that_differ_in_nothing_but_what_they_say_have_an_order_too() -> None:
    several = [entry(until_ms=None), entry(until_ms=0), entry(until_ms=99), entry(listed=False)]
    for one, other in combinations(several, 2):
        assert encode_profile(fold(one, other)) == encode_profile(fold(other, one))


def test_an_entry_moves_the_latest_moment_and_never_the_first() -> None:
    alone = fold(entry(50))
    assert (alone.first_ms, alone.latest_ms) == (None, 50)
    both = fold(entry(50), Event("v", "u", "view", 20), entry(5, list_id="old"))
    assert (both.first_ms, both.latest_ms) == (20, 50)


def test_the_id_of_an_entry_is_no_id_of_an_event() -> None:
    profile = fold(entry(10, "same"), Event("same", "u", "view", 10), entry(10, "same", list_id="other"))
    assert set(profile.lists) == {"vip", "other"}
    assert len(profile.types["view"].entries) == 1


def test_what_one_user_can_be_listed_on_is_bounded_whatever_the_order() -> None:
    several = [entry(number, list_id=f"l{number % 150:03d}") for number in range(300)]
    forward, backward = fold(*several), fold(*several[::-1])
    assert encode_profile(forward) == encode_profile(backward)
    assert sorted(forward.lists) == [f"l{number:03d}" for number in range(150 - MAX_LISTS, 150)]
    assert forward.lists["l050"].ts_ms == 200


def test_a_profile_of_a_codec_to_come_is_refused() -> None:
    _, *columns = msgpack.unpackb(encode_profile(fold(entry())), strict_map_key=False)
    with pytest.raises(UnknownCodec, match=f"profile codec {VERSION + 1}"):
        decode_profile(msgpack.packb([VERSION + 1, *columns]))


def first_of_each(several: list[Fact]) -> list[Fact]:
    """Without later events of an id: of those the first arrival wins, which is the one thing order decides."""
    found: dict[object, Fact] = {}
    for each in several:
        found.setdefault(each.event_id if isinstance(each, Event) else each, each)
    return list(found.values())
