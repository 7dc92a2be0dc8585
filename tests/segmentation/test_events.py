"""The contract of an event: what is good, what is not, and what is said of it."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event, InvalidEvent, decode_fact, encode_event, read_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire.membership import encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile

NOW = 1_732_240_000_123
GOOD: dict[str, Any] = {"event_id": "e", "user_id": "u-42", "type": "view"}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_the_least_that_an_event_needs() -> None:
    assert read_event(GOOD, NOW) == Event("e", "u-42", "view", NOW)


@pytest.mark.parametrize(
    ("ts", "expected_ms"),
    [
        (0, 0),
        (NOW + 300_000, NOW + 300_000),
        ("2024-11-22T01:46:40.123Z", NOW),
        ("2024-11-22T02:46:40.123999+01:00", NOW),
        ("1999-12-31T23:59:59.999Z", 946_684_799_999),
        (None, NOW),
    ],
)
def test_times_are_milliseconds_or_date_times(ts: object, expected_ms: int) -> None:
    assert read_event({**GOOD, "ts": ts}, NOW).ts_ms == expected_ms


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "e" * 129}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"user_id": "jo@example.org"}, "looks like an e-mail address"),
        ({"user_id": "u 1"}, "user_id"),
        ({"user_id": "u-1\n"}, "user_id"),
        ({"user_id": "é"}, "user_id"),
        ({"user_id": "u" * 129}, "user_id"),
        ({"type": "View"}, "type"),
        ({"type": "view\n"}, "type"),
        ({"type": "v" * 65}, "type"),
        ({"space": "A"}, "space"),
        ({"space": "a:b"}, "space"),
        ({"ts": True}, "ts"),
        ({"ts": 1.5}, "ts"),
        ({"ts": -1}, "ts"),
        ({"ts": 10**30}, "ts"),
        ({"ts": NOW + 300_001}, "5 minutes ahead"),
        ({"ts": "yesterday"}, "RFC 3339"),
        ({"ts": "2024-11-22T01:46:40"}, "time zone"),
        ({"ts": "0001-01-01T00:00:00+23:59"}, "ts"),
        ({"properties": []}, "properties"),
        ({"context": "x"}, "context"),
        ({"traits": None}, "traits"),
        ({"consent": {"purposes": [0]}}, "consent"),
        ({"consent": {"purposes": [1], "more": 2}}, "consent"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_breaks_the_contract_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidEvent, match=complaint) as refusal:
        read_event({**GOOD, **change}, NOW)
    assert "jo@example.org" not in str(refusal.value)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_required_members_are_required(missing: str) -> None:
    with pytest.raises(InvalidEvent, match=missing):
        read_event({name: value for name, value in GOOD.items() if name != missing}, NOW)


@pytest.mark.parametrize("raw", [None, 1, "x", [], True, [GOOD]])
def test_only_objects_are_events(raw: object) -> None:
    with pytest.raises(InvalidEvent, match="expected an event object"):
        read_event(raw, NOW)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b'{"a": 1e999}', b"[" * 100_000, b"\x00", b"nul"]
)
def test_bytes_that_are_not_json_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_fact(data, NOW)


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=4), st.data())
def test_what_is_accepted_can_be_written_read_and_folded(extra: dict[str, Any], data: st.DataObject) -> None:
    parts = {name: data.draw(st.just({}) | st.just(extra)) for name in ("properties", "context", "traits")}
    event = read_event({**GOOD, **parts}, NOW)
    again = decode_fact(encode_event(event), NOW)
    assert again == event
    state = step(UserState(), [again], Catalog(), KEEP_ALL, UTC)
    assert state.profile is not None
    assert state.membership is not None
    assert decode_profile(encode_profile(state.profile)) == state.profile
    encode_membership(state.membership)


@given(st.binary(max_size=60) | json_values.map(lambda value: repr(value).encode()))
def test_any_bytes_are_an_event_or_refused(data: bytes) -> None:
    try:
        decode_fact(data, NOW)
    except InvalidEvent as error:
        assert str(error)
