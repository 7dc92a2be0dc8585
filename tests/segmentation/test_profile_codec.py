"""What is stored of a profile: nothing gets lost, nothing changes its sort, and it is small."""

from contextlib import suppress
from hashlib import sha256

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.wire.profile import KNOWN, VERSION, decode_profile, encode_profile
from services.segmentation.wire.profile_2 import encode_profile_2
from services.segmentation.wire.version import UnknownCodec

DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS

names = st.sampled_from(["category", "item_id", "other", "ünusual", "value"])
scalars = st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, False, "", "1", "shoes", 2**63 - 1, -(2**63), 1e300, 0.1])
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.none(), st.text(max_size=5))
moments = st.one_of(st.integers(NOW - 1_000, NOW), st.integers(0, NOW))
happened = st.builds(
    Event,
    event_id=st.integers(0, 10**6).map(str),
    user_id=st.just("u"),
    type=st.sampled_from(["view", "purchase", "my_own"]),
    ts_ms=moments,
    properties=st.dictionaries(names, values, max_size=4),
    context=st.fixed_dictionaries({}, optional={"device": st.just({"os": "iOS"}), "timezone": st.just("Europe/Paris")}),
    traits=st.dictionaries(names, values, max_size=2),
    purposes=st.none() | st.frozensets(st.integers(1, 63), max_size=3),
)
listed = st.builds(
    ListEntry,
    event_id=st.text("ab", min_size=1, max_size=3),
    user_id=st.just("u"),
    list_id=st.sampled_from(["vip", "category"]),
    ts_ms=moments,
    listed=st.booleans(),
    until_ms=st.none() | moments,
)


@given(st.lists(happened | listed, min_size=1, max_size=30))
def test_nothing_is_lost_and_nothing_changes_its_sort(facts: list[Fact]) -> None:
    profile = folded(facts)
    again = decode_profile(encode_profile(profile))
    assert again == profile
    assert encode_profile_2(again) == encode_profile_2(profile), "where 1, 1.0 and true are told apart"


def test_values_that_are_equal_and_of_another_sort_are_kept_apart() -> None:
    several = [1, 1.0, True, 0, 0.0, -0.0, False, [1], [True], [1.0], ["1"], "1"]
    profile = folded([Event(str(at), "u", "view", at, properties={"value": each}) for at, each in enumerate(several)])
    found = [
        value for entry in decode_profile(encode_profile(profile)).types["view"].entries for _, value in entry.values
    ]
    assert [repr(each) for each in found] == [repr(tuple(each) if isinstance(each, list) else each) for each in several]


@pytest.mark.parametrize("kinds", [2, 255, 256, 400])
@pytest.mark.parametrize("gap_ms", [0, 1, 2**32 - 1, 2**32])
def test_long_logs_of_many_values_and_long_silences_are_kept(kinds: int, gap_ms: int) -> None:
    profile = folded(
        [
            Event(str(number), "u", "view", number * gap_ms, properties={"value": number % kinds, "n": 10.0**18})
            for number in range(1_400)
        ]
    )
    assert decode_profile(encode_profile(profile)) == profile


def test_names_that_most_sites_use_take_no_room() -> None:
    known, other = (dict.fromkeys(some, "x") for some in (["category", "brand"], ["catgories", "brands"]))
    sizes = [len(encode_profile(folded([Event("1", "u", "view", NOW, properties=each)]))) for each in (known, other)]
    assert sizes[1] - sizes[0] == len("catgories") + len("brands")


def test_the_names_have_the_numbers_by_which_they_are_stored() -> None:
    digest = sha256(" ".join(KNOWN[:36]).encode()).hexdigest()
    assert digest == "8bec85aa92cafc93ab6795405c067bca78f89dddde4349f97884b4ab90a0f79b", (
        "add names at the end, and never change the others"
    )
    assert len(set(KNOWN)) == len(KNOWN) < 128


@given(st.integers(0, 300), st.binary(max_size=4))
def test_damaged_bytes_are_refused_and_nothing_else_is_raised(at: int, instead: bytes) -> None:
    data = encode_profile(folded([Event("1", "u", "view", NOW, properties={"brand": [1, "x"]}, traits={"age": 7})]))
    with suppress(UnknownCodec):
        decode_profile(data[:at] + instead + data[at + 1 :])


def test_a_codec_to_come_is_refused() -> None:
    with pytest.raises(UnknownCodec, match=f"codec {VERSION + 1}"):
        decode_profile(msgpack.packb([VERSION + 1]))


def folded(facts: list[Fact]) -> Profile:
    profile = add_all(None, facts, KEEP_ALL)
    assert profile is not None
    return profile
