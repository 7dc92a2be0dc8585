"""A page remembers what it has written, and nothing shows of that."""

import tracemalloc
from datetime import UTC, tzinfo
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segment_api.lookups import page as page_of_answers
from services.segment_api.lookups import remembered as remembering
from services.segment_api.lookups.answer import Question
from services.segment_api.lookups.page import Page, Stretch
from services.segment_api.lookups.remembered import Remembered
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership, Span
from services.segmentation.rules.residual import Asked
from services.segmentation.wire.membership import encode_membership
from tests.segment_api.test_express import HOUR, NOW, SEGMENTS, SIX, STORED

CATALOG = Catalog().put_all(
    {name: SegmentDefinition(name=name, rule=rule) for name, rule in SEGMENTS.items()}, KEEP_ALL
)
ZONES: list[tzinfo] = [UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("Asia/Kathmandu")]
MOMENTS = st.integers(NOW - 4 * HOUR, NOW + 12 * HOUR) | st.sampled_from(
    [hour * HOUR + shift for hour in range((NOW - 3 * HOUR) // HOUR, (NOW + 12 * HOUR) // HOUR) for shift in (-1, 0)]
)
STEPS = st.lists(st.tuples(MOMENTS, st.sampled_from(ZONES), st.booleans(), st.booleans()), min_size=4, max_size=12)


@settings(max_examples=150, deadline=None)
@given(STORED, STEPS)
def test_what_is_remembered_is_what_would_be_written_anew(
    stored: Membership, steps: list[tuple[int, tzinfo, bool, bool]]
) -> None:
    page, data = Page(CATALOG, consent_required=False), encode_membership(stored)
    for moment_ms, zone, ids_only, is_now in steps:
        question = Question(at_ms=None if is_now else moment_ms, ids_only=ids_only, as_text=True)
        anew = Page(CATALOG, consent_required=False).known(b"u", data, question, zone, moment_ms)
        assert page.known(b"u", data, question, zone, moment_ms) == anew


def test_what_clocks_say_is_remembered_no_longer_than_they_say_it() -> None:
    night = Membership(CATALOG.version, NOW - HOUR, residuals=((list(SEGMENTS).index("night"), Asked(0)),))
    page, data, wrong = Page(CATALOG, consent_required=False), encode_membership(night), []
    question = Question(ids_only=True, as_text=True)
    moments = (NOW, SIX - 9 * HOUR + 1, SIX - 5 * HOUR - 45 * 60_000 - 1, SIX - 5 * HOUR - 45 * 60_000, SIX - 1, SIX)
    for zone, moment_ms, _ in product([*ZONES, *ZONES], moments, range(3)):
        anew = Page(CATALOG, consent_required=False).known(b"u", data, question, zone, moment_ms)
        found = page.known(b"u", data, question, zone, moment_ms)
        wrong += [] if found == anew else [(moment_ms, zone)]
    assert wrong == []
    assert len({page.known(b"u", data, question, zone, SIX - 1) for zone in ZONES}) == 2


@pytest.mark.parametrize("begins_ms", [NOW - HOUR, NOW + HOUR], ids=["in all of them", "in all of them in an hour"])
def test_users_of_many_segments_do_not_fill_the_memory(begins_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored of a hundred users takes 1 MB, and their answers 5."""
    monkeypatch.setattr(page_of_answers, "MOST_REMEMBERED_BYTES", 200_000)
    names = [f"segment-{number}" for number in range(1_000)]
    catalog = Catalog().put_all(
        {name: SegmentDefinition(name=name, rule="tenure() >= '1h'") for name in names}, KEEP_ALL
    )
    page, question = Page(catalog, consent_required=False), Question(as_text=True)
    spans = tuple(Span(ordinal, begins_ms, None) for ordinal in range(1_000))
    stored = [encode_membership(Membership(catalog.version, NOW - each, spans)) for each in range(100)]
    tracemalloc.start()
    for _ in range(3):
        for number in range(100):
            data = bytes([*stored[number]])  # as it comes anew from Redis
            assert (b"segment-199" in (page.known(b"u", data, question, UTC, NOW) or b"")) is (begins_ms < NOW)
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken_bytes < 600_000


def test_the_answer_of_a_user_of_many_segments_is_remembered_like_any_other() -> None:
    catalog = Catalog().put_all(
        {f"segment-{number}": SegmentDefinition(name="x", rule="tenure() >= '1h'") for number in range(500)}, KEEP_ALL
    )
    page, spans = Page(catalog, consent_required=False), tuple(Span(each, NOW - HOUR, None) for each in range(500))
    data = encode_membership(Membership(catalog.version, NOW, spans))
    first, second, third = (page.known(b"u", bytes([*data]), Question(as_text=True), UTC, NOW) for _ in range(3))
    assert first == second == third
    assert page._segments.get(data) is not None


def sized(value: str) -> int:
    """A key of one byte and its value take 1,000, and 500 without."""
    del value
    return 500


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> Remembered[str]:
    """Two values, or four keys without, twice."""
    monkeypatch.setattr(remembering, "KEY_BYTES", 499)
    monkeypatch.setattr(remembering, "VALUE_BYTES", 0)
    return Remembered(2_000, sized)


def test_a_key_is_worth_a_value_when_it_is_seen_again(remembered: Remembered[str]) -> None:
    assert not remembered.is_worth_it(b"a")
    assert remembered.is_worth_it(b"a")
    remembered.put(b"a", "A")
    assert (remembered.get(b"a"), remembered.get(b"b")) == ("A", None)


def test_a_key_that_comes_back_after_many_others_is_worth_a_value(remembered: Remembered[str]) -> None:
    for key in (b"a", b"b", b"c", b"d", b"e"):
        assert remembered.get(key) is None
        assert not remembered.is_worth_it(key)
    assert remembered.get(b"a") is None
    assert remembered.is_worth_it(b"a")


def test_what_was_not_seen_for_long_is_forgotten(remembered: Remembered[str]) -> None:
    remembered.put(b"kept", "K")
    remembered.put(b"gone", "G")
    for number in range(8):
        remembered.is_worth_it(b"%d" % number)
        assert remembered.get(b"kept") == "K"
    assert remembered.get(b"gone") is None
    assert not remembered.is_worth_it(b"gone")


def test_a_value_larger_than_all_the_room_is_not_remembered_and_drives_nothing_out(
    remembered: Remembered[str],
) -> None:
    remembered.put(b"kept", "K")
    remembered.put(bytes(2_000), "large")
    assert (remembered.get(bytes(2_000)), remembered.get(b"kept")) == (None, "K")


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=60))
def test_what_it_takes_is_what_is_in_it(seen: list[tuple[int, bool]]) -> None:
    def weigh(value: bytes) -> int:
        return len(value)

    remembered = Remembered(2_000, weigh)
    for number, is_asked in seen:
        key = bytes(number)
        if is_asked:
            remembered.get(key)
        elif remembered.is_worth_it(key):
            remembered.put(key, bytes(3 * number))
    held = [*remembered._newer.items(), *remembered._older.items()]
    valued = [(key, value) for key, value in held if value is not None]
    own = sum(len(key) for key, _ in held) + sum(len(value) for _, value in valued)
    assert remembered.taken_bytes == own + remembering.KEY_BYTES * len(held) + remembering.VALUE_BYTES * len(valued)
    assert len({key for key, _ in held}) == len(held)
    assert remembered.taken_bytes <= 4_000


@pytest.mark.parametrize("has_value", [False, True], ids=["keys", "values"])
def test_what_it_takes_is_about_what_the_process_takes_for_it(has_value: bool) -> None:
    remembered: Remembered[Stretch] = Remembered(2**30, lambda stretch: len(stretch.segments))
    tracemalloc.start()
    for number in range(20_000):
        stretch = Stretch(NOW + number, NOW + number + 1, NOW - number, None, b"%0300d" % number)
        remembered.put(b"%060d" % number, stretch if has_value else None)
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert remembered.taken_bytes == pytest.approx(taken_bytes, rel=0.15)
