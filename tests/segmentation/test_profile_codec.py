"""What is stored of a profile: nothing gets lost, nothing changes its sort, and it is small."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from uuid import UUID
from zlib import DEFLATED as METHOD
from zlib import compressobj

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segment_api.digest import hash_of
from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.wire.profile import VERSION, decode_profile, encode_profile, undeflated
from services.segmentation.wire.profile_3 import encode_profile_3
from services.segmentation.wire.profile_names import KNOWN
from services.segmentation.wire.profile_values import numbers_in, numbers_out, value_in, value_out
from services.segmentation.wire.profile_words import inflated, words_in, words_out
from services.segmentation.wire.version import UnknownCodec

DAY_MS = 86_400_000
BROWSER = {"device": {"os": "Windows", "browser": "Firefox", "type": "desktop"}, "page": {"category": "shoes"}}
DEFLATED = "9b3403a72e14470300"
"""Words as the first release with codec 4 deflated them."""
NOW = 20_000 * DAY_MS


def spellings(uuid: UUID) -> list[str]:
    """The usual one, and others that have to come back as they were."""
    return [str(uuid), str(uuid).upper(), f"{uuid.hex}----", f"{{{uuid}}}"]


names = st.sampled_from(["category", "item_id", "other", "ünusual", "value"])
scalars = st.one_of(
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, False, "", "1", "shoes", 2**64 - 1, -(2**63), 1e300, 1.7e308, 0.1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**7), 10**7).map(lambda hundredths: hundredths / 100),
    st.integers(-(2**63), 2**64 - 1),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.none(), st.text(max_size=5))
moments = st.one_of(st.integers(NOW - 1_000, NOW), st.integers(0, NOW))
happened = st.builds(
    Event,
    event_id=st.integers(0, 10**6).map(str) | st.uuids().flatmap(lambda each: st.sampled_from(spellings(each))),
    user_id=st.just("u"),
    type=st.sampled_from(["view", "purchase", "my_own"]),
    ts_ms=moments,
    properties=st.dictionaries(names, values, max_size=4),
    context=st.fixed_dictionaries(
        {},
        optional={
            "device": st.fixed_dictionaries({}, optional={"os": st.just("iOS"), "touch": values}),
            "timezone": st.just("Europe/Paris"),
        },
    ),
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
    assert encode_profile_3(again) == encode_profile_3(profile), "where 1, 1.0 and true are told apart"


def test_values_that_are_equal_and_of_another_sort_are_kept_apart() -> None:
    several = [1, 1.0, True, 0, 0.0, -0.0, False, [1], [True], [1.0], ["1"], "1"]
    profile = folded([Event(str(at), "u", "view", at, properties={"value": each}) for at, each in enumerate(several)])
    found = [
        value for entry in decode_profile(encode_profile(profile)).types["view"].entries for _, value in entry.values
    ]
    assert [repr(each) for each in found] == [repr(tuple(each) if isinstance(each, list) else each) for each in several]


def test_contexts_that_are_equal_and_of_another_sort_are_kept_apart() -> None:
    several = [1, 1.0, True, "1"]
    profile = folded([Event(str(at), "u", "view", at, context={"touch": each}) for at, each in enumerate(several)])
    found = [entry.values for entry in decode_profile(encode_profile(profile)).types["view"].entries]
    assert repr(found) == repr([(("context.touch", each),) for each in several])


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


def test_prices_take_as_little_as_whole_hundredths() -> None:
    events = [Event(str(at), "u", "view", NOW, properties={"value": at * 2**0.5}) for at in range(99)]
    rounded = [replace(each, properties={"value": round(each.properties["value"], 2)}) for each in events]
    sizes = [len(encode_profile(folded(each))) for each in (events, rounded)]
    assert sizes[0] - sizes[1] > 3 * len(events)


def test_contexts_are_stored_once_whatever_the_types_and_properties() -> None:
    def events(number: int) -> list[Event]:
        return [
            Event(str(at), "u", ("view", "purchase")[at % 2], NOW, properties={"n": at}, context=BROWSER)
            for at in range(number)
        ]

    few, more = (len(encode_profile(folded(events(number)))) for number in (10, 20))
    assert more - few < 10 * (8 + 6), "eight for the digest of the id"


def test_a_text_is_one_object_in_memory_however_many_users_tell_it() -> None:
    texts = []
    for user in ("u", "v"):
        event = Event("1", user, "view", NOW, properties={"category": "shoes"}, context=BROWSER)
        (entry,) = decode_profile(encode_profile(folded([event]))).types["view"].entries
        texts.append(entry.values)
    assert len(texts[0]) == 5
    assert all(mine is yours for mine, yours in zip(*texts, strict=True))


def test_ids_that_are_uuids_take_16_bytes() -> None:
    plain, uuid = "x" * 36, "0190f3c6-2a11-7cc0-98c4-dc0c0c07398f"
    sizes = [len(encode_profile(folded([Event(each, "u", "view", NOW, traits={"a": 1})]))) for each in (plain, uuid)]
    assert sizes[0] - sizes[1] == 36 + 2 - (16 + 2)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_small_profile_takes_less_than_it_did(number: int) -> None:
    context = {"weather": "rain", "device_os": "Windows", "page_category": "shoes"}
    events = [
        Event(str(at), "u", "view", NOW - at, properties={"category": f"c-{at}", "value": 9.99}, context=context)
        for at in range(number)
    ]
    profile = folded(events)
    assert len(encode_profile(profile)) < len(encode_profile_3(profile))


def test_the_deepest_users_are_kept() -> None:
    events = [
        Event(str(at), "u", ("view", "search")[at % 2], NOW + at * 1_000, properties={"value": at / 100, "n": at % 7})
        for at in range(2 * (256 + 1_024 + 10))
    ]
    profile = folded(events)
    assert [len(log.dropped) for log in profile.types.values()] == [1_024, 1_024]
    assert decode_profile(encode_profile(profile)) == profile


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 99), max_size=20))
def test_numbers_are_read_as_they_were_written(numbers: list[int]) -> None:
    assert numbers_in(numbers_out(numbers), len(numbers)) == tuple(numbers)


@given(scalars)
def test_a_value_is_read_as_it_was_written(value: object) -> None:
    again = value_in(msgpack.unpackb(msgpack.packb(value_out(value))))
    assert (type(again), repr(again)) == (type(value), repr(value))


def test_what_words_are_deflated_with_never_changes() -> None:
    words = [["context", "desktop", "Windows", at] for at in range(60)]
    is_deflated, deflated = words_out(words)
    assert is_deflated
    assert len(deflated) < 300
    assert words_in(True, bytes.fromhex(DEFLATED)) == (
        (12, "Safari", 11, "iOS", 10, "mobile", 14, "FR"),
        "Europe/Paris",
    )


def test_the_names_have_the_numbers_by_which_they_are_stored() -> None:
    digest = sha256(" ".join(KNOWN[:36]).encode()).hexdigest()
    assert digest == "8bec85aa92cafc93ab6795405c067bca78f89dddde4349f97884b4ab90a0f79b", (
        "add names at the end, and never change the others"
    )
    assert len(set(KNOWN)) == len(KNOWN) < 128


@given(st.integers(0, 300), st.binary(max_size=4), st.sampled_from([1, 40]))
def test_damaged_bytes_are_refused_and_nothing_else_is_raised(at: int, instead: bytes, number: int) -> None:
    told = {"brand": [1, "x"], "value": 9.99}
    events = [Event(str(each), "u", "view", NOW, properties=told, traits={"age": 7}) for each in range(number)]
    data = encode_profile(folded(events))
    with suppress(UnknownCodec):
        decode_profile(data[:at] + instead + data[at + 1 :])


def test_a_codec_to_come_is_refused() -> None:
    with pytest.raises(UnknownCodec, match=f"codec {VERSION + 1}"):
        decode_profile(msgpack.packb([VERSION + 1]))


def folded(facts: Sequence[Fact]) -> Profile:
    profile = add_all(None, facts, KEEP_ALL)
    assert profile is not None
    return profile


def test_digests_do_not_see_which_zlib_has_deflated_a_profile() -> None:
    events = [
        Event(f"e-{number}", "u-1", "view", NOW + number, context=BROWSER, properties={"item_id": f"i-{number}"})
        for number in range(60)
    ]
    profile = add_all(None, events, KEEP_ALL)
    assert profile
    here = encode_profile(profile)
    *head, is_deflated, words = msgpack.unpackb(here)
    assert is_deflated
    deflate = compressobj(9, METHOD, -11)
    elsewhere = msgpack.packb([*head, True, deflate.compress(inflated(words)) + deflate.flush()])
    assert here != elsewhere
    assert decode_profile(elsewhere) == profile
    assert (
        hash_of("default:u-1", here)
        == hash_of("default:u-1", elsewhere)
        != hash_of("default:u-1", undeflated(here)[:-1])
    )


def test_what_is_damaged_has_a_digest() -> None:
    assert len({hash_of("default:u-1", each) for each in (None, b"x", b"\x97\x04\x00\x00\x00\x00\xc3\xc4\x01x")}) == 3
