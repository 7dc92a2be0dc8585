"""What is read at a glance is what the model reads, and what is refused is refused with the same words."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation import events
from services.segmentation.events import (
    MAX_AHEAD_MS,
    MAX_SKEW_MS,
    MAX_TS_MS,
    Event,
    EventMessage,
    Fact,
    InvalidEvent,
    decode_fact,
    read_by_model,
    read_event,
)

NOW = 1_732_240_000_000
AHEAD_MS = MAX_AHEAD_MS + MAX_SKEW_MS
FULL = {
    "event_id": "01J",
    "user_id": "u-42",
    "space": "shop",
    "type": "view",
    "ts": NOW,
    "properties": {"value": 1},
    "context": {"device": {"type": "tv"}},
    "traits": {"age": None},
    "consent": {"purposes": [1, 3]},
}
REQUIRED = {name: FULL[name] for name in ("event_id", "user_id", "type")}

TRICKY: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.0, NOW + AHEAD_MS, NOW + AHEAD_MS + 1, MAX_TS_MS, MAX_TS_MS + 1, 2**64),
    *("", "default", "Shop", "view", "u-42\n", "-", "9", "a@b", "é" * 128, "é" * 129, "x" * 64, "x" * 65, "x" * 128),
    *("x" * 129, "a b", "2024-11-22T01:46:40Z", "2024-11-22T01:46:40", "\u2028", "\ud800", [], [1], {}, {"a": []}),
    *({"purposes": each} for each in ([], [1, 63], [0], [64], [True], [1.0], ["1"], [None], [1] * 63, [1] * 64, None)),
    {"purposes": [1], "tcf": "C"},
]

numbers = st.one_of(
    st.sampled_from([0, -1, 1, 63, 64, NOW, NOW + AHEAD_MS, NOW + AHEAD_MS + 1, MAX_TS_MS, MAX_TS_MS + 1, 2**64]),
    st.integers(-2, 70),
    st.floats(),
)
texts = st.one_of(
    st.sampled_from(["", "default", "Shop", "view", "View", "u-42\n", "-", "9", "a@b", "ü", "é" * 128, "x" * 128]),
    st.sampled_from(["x" * 64, "x" * 65, "x" * 129, "a b", "2024-11-22T01:46:40Z", "2024-11-22T01:46:40", "\u2028"]),
    st.text(max_size=4),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
purposes = st.lists(st.one_of(st.integers(0, 64), st.booleans(), scalars), max_size=4) | st.just([1] * 64)
consents = st.one_of(
    st.fixed_dictionaries({"purposes": purposes}),
    st.fixed_dictionaries({"purposes": purposes, "tcf": scalars}),
    anything,
)
plain = st.fixed_dictionaries(
    {"event_id": st.just("e"), "user_id": st.just("u"), "type": st.just("view")},
    optional={name: st.just(value) for name, value in FULL.items() if name not in REQUIRED},
)
changes = st.dictionaries(st.sampled_from([*FULL, "list_", "Event_id"]), anything, max_size=2)
consented = st.one_of(st.just({}), st.fixed_dictionaries({"consent": consents}))
missing = st.sets(st.sampled_from(list(FULL)), max_size=1)


@st.composite
def nearly_events(draw: st.DrawFn) -> dict[str, Any]:
    raw: dict[str, Any] = draw(plain) | draw(changes) | draw(consented)
    for name in draw(missing):
        raw.pop(name, None)
    return raw


@given(nearly_events() | anything, st.sampled_from([0, NOW]))
def test_every_event_is_read_as_the_model_reads_it(raw: Any, arrived_ms: int) -> None:
    assert_read_as_by_the_model(raw, arrived_ms)


@pytest.mark.parametrize("name", [*FULL, "other"])
def test_no_single_field_is_read_otherwise_than_the_model_reads_it(name: str) -> None:
    for value in TRICKY:
        assert_read_as_by_the_model({**FULL, name: value}, NOW)


@given(nearly_events() | anything)
def test_the_log_is_read_as_the_model_reads_it(raw: Any) -> None:
    try:
        data = orjson.dumps(raw)
    except orjson.JSONEncodeError:  # a number beyond 64 bits
        return
    again = orjson.loads(data)
    if not isinstance(again, dict) or "list" not in again:
        assert outcome(lambda: decode_fact(data, NOW)) == outcome(lambda: by_the_letter(again, NOW))


def assert_read_as_by_the_model(raw: object, arrived_ms: int) -> None:
    assert outcome(lambda: read_event(raw, arrived_ms, AHEAD_MS)) == outcome(lambda: by_the_letter(raw, arrived_ms))


def by_the_letter(raw: object, arrived_ms: int) -> Event:
    event = read_by_model(raw, arrived_ms)
    if event.ts_ms > arrived_ms + AHEAD_MS:
        raise InvalidEvent("ts: more than 5 minutes ahead of the server's clock")
    return event


def outcome(read: Callable[[], Fact]) -> str:
    """With the types of everything, which equality does not tell: 1, 1.0 and true are equal."""
    try:
        return repr(read())
    except InvalidEvent as error:
        return f"refused: {error}"


@pytest.mark.parametrize("raw", [FULL, REQUIRED, {**FULL, "consent": {"purposes": []}}])
def test_plain_events_need_no_model(raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_event(raw, NOW)
    monkeypatch.setattr(events, "read_by_model", None)
    assert read_event(raw, NOW) == expected


def test_every_field_of_the_contract_is_looked_at() -> None:
    assert set(FULL) == set(EventMessage.model_fields)
