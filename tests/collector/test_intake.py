"""Which events of a body are taken, told from the body alone."""

from http import HTTPStatus
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.intake import Intake, Limits, none_good, take_in
from services.runtime.problems import ProblemError
from services.segmentation.events import decode_fact
from services.segmentation.partitions import partition_of
from tests.collector.examples import NOW_MS, event, events, json_values

LIMITS = Limits(max_events=500, max_event_bytes=32 * 1024, partitions=64)


def take(sent: object) -> Intake:
    return take_in(orjson.dumps(sent), NOW_MS, LIMITS)


def padded(size_bytes: int) -> dict[str, Any]:
    """An event of exactly `size_bytes` as it is sent."""
    empty = orjson.dumps(event(properties={"pad": ""}))
    return event(properties={"pad": "x" * (size_bytes - len(empty))})


def test_an_event_goes_to_its_users_partition_under_the_users_key() -> None:
    (message,) = take(event()).messages
    assert message.key == b"u-42"
    assert message.partition == partition_of("u-42", 64)


def test_the_log_gets_the_time_of_arrival_where_none_was_sent() -> None:
    assert orjson.loads(take(event()).messages[0].value)["ts"] == NOW_MS


def test_a_date_time_becomes_milliseconds() -> None:
    assert orjson.loads(take(event(ts="2024-11-22T01:46:40.5Z")).messages[0].value)["ts"] == 1_732_240_000_500


def test_good_and_bad_are_parted_and_the_order_kept() -> None:
    intake = take([event(event_id="a"), 5, event(event_id="b"), event(user_id="a@b.example"), event(event_id="c")])
    assert [orjson.loads(message.value)["event_id"] for message in intake.messages] == ["a", "b", "c"]
    assert [reject.index for reject in intake.rejects] == [1, 3]


def test_an_error_says_what_is_wrong_and_repeats_no_address() -> None:
    (reject,) = take(event(user_id="ann@example.com")).rejects
    assert "e-mail" in reject.error
    assert "ann" not in reject.error


def test_duplicates_in_one_batch_are_all_passed_on() -> None:
    assert len(take([event(), event(), event()]).messages) == 3


def test_consent_is_passed_on_as_purposes() -> None:
    assert orjson.loads(take(event(consent={"gpc": True})).messages[0].value)["consent"] == {"purposes": []}


def test_as_many_events_as_allowed_are_taken_and_one_more_is_not() -> None:
    assert len(take([event()] * 500).messages) == 500
    with pytest.raises(ProblemError) as caught:
        take([event()] * 501)
    assert caught.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_an_event_of_exactly_the_largest_size_is_taken_and_one_byte_more_is_not() -> None:
    assert len(take(padded(32 * 1024)).messages) == 1
    intake = take(padded(32 * 1024 + 1))
    assert not intake.messages
    assert none_good(intake).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_size_is_measured_without_blanks_and_escapes() -> None:
    escaped = orjson.dumps(event(properties={"pad": "PAD"})).replace(b"PAD", b"\\u0041" * 20_000)
    assert len(escaped) > 100_000
    assert len(take_in(escaped, NOW_MS, LIMITS).messages) == 1


def test_one_large_event_does_not_spoil_its_batch() -> None:
    intake = take([event(), padded(40_000)])
    assert len(intake.messages) == 1
    assert [reject.index for reject in intake.rejects] == [1]


def test_large_and_invalid_together_are_no_matter_of_size() -> None:
    assert none_good(take([padded(40_000), 5])).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_deep_nesting_that_could_not_be_stored_is_refused_alone() -> None:
    intake = take_in(orjson.dumps([event(), "DEEP"]).replace(b'"DEEP"', _deep(400)), NOW_MS, LIMITS)
    assert len(intake.messages) == 1
    assert "nested" in intake.rejects[0].error


def test_deeper_nesting_than_json_is_read_at_is_refused() -> None:
    with pytest.raises(ProblemError) as caught:
        take_in(_deep(200_000), NOW_MS, LIMITS)
    assert caught.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


def _deep(depth: int) -> bytes:
    return orjson.dumps(event(properties={"deep": "DEEP"})).replace(b'"DEEP"', b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"\xff", b'"\xff"', b"[NaN]", b'{"a": Infinity}', b'["\\ud800"]', b"[1e400]", b"\xef\xbb\xbf{}"],
)
def test_what_is_not_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        take_in(body, NOW_MS, LIMITS)
    assert caught.value.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert caught.value.members == {"accepted": 0, "rejected": ()}


def test_an_empty_array_is_refused_for_it_holds_no_good_event() -> None:
    with pytest.raises(ProblemError) as caught:
        take([])
    assert caught.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("scalar", [None, True, 1, 1.5, "text"])
def test_a_scalar_is_one_bad_event(scalar: object) -> None:
    intake = take(scalar)
    assert (len(intake.messages), [reject.index for reject in intake.rejects]) == (0, [0])


@given(sent=st.lists(events | json_values, min_size=1, max_size=8))
def test_what_is_taken_and_what_is_refused_make_up_what_was_sent(sent: list[object]) -> None:
    intake = take(sent)
    assert len(intake.messages) + len(intake.rejects) == len(sent)


@given(sent=st.lists(events, min_size=1, max_size=8))
def test_what_is_taken_can_be_read_from_the_log(sent: list[object]) -> None:
    for message in take(sent).messages:
        assert decode_fact(message.value, NOW_MS).user_id.encode() == message.key


def test_five_minutes_ahead_is_taken_and_a_millisecond_more_is_not() -> None:
    intake = take([event(ts=NOW_MS + 300_000), event(ts=NOW_MS + 300_001)])
    assert (len(intake.messages), [reject.index for reject in intake.rejects]) == (1, [1])


def test_what_is_taken_can_be_read_from_a_log_whose_clock_is_behind() -> None:
    (message,) = take(event(ts=NOW_MS + 300_000)).messages
    assert decode_fact(message.value, NOW_MS - 60_000).ts_ms == NOW_MS + 300_000
