"""Memberships: what is judged, where spans begin, how many are packed, and their bytes."""

from collections.abc import Callable

import msgpack
import pytest

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, refresh, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import MAX_SPANS, Membership, Span
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile
from services.segmentation.wire.version import UnknownCodec

HOUR = 3_600_000


def catalog(**rules: str) -> Catalog:
    made = Catalog()
    for name, rule in rules.items():
        made = made.put(name, SegmentDefinition(name=name, rule=rule), KEEP_ALL)
    return made


def view(number: int, ts_ms: int) -> Event:
    return Event(f"e{number}", "u", "view", ts_ms)


def membership(state: UserState) -> Membership:
    assert state.membership is not None
    return state.membership


def test_a_window_ends_at_its_millisecond() -> None:
    state = step(UserState(), [view(1, 1_000)], catalog(seen="count('view', within='1h') >= 1"), KEEP_ALL)
    assert membership(state).spans == (Span(0, 1_000, 1_000 + HOUR),)


def test_a_span_keeps_its_beginning_while_the_user_stays() -> None:
    seen = catalog(seen="count('view', within='1h') >= 1")
    state = step(UserState(), [view(1, 1_000)], seen, KEEP_ALL)
    state = step(state, [view(2, 500_000)], seen, KEEP_ALL)
    assert membership(state).spans == (Span(0, 1_000, 500_000 + HOUR),)
    state = step(state, [view(3, 9 * HOUR)], seen, KEEP_ALL)
    assert membership(state).spans == (Span(0, 9 * HOUR, 10 * HOUR),)


def test_what_will_begin_by_itself_is_known_ahead() -> None:
    gone = catalog(gone="since('view') > '1h'")
    state = step(UserState(), [view(1, 1_000)], gone, KEEP_ALL)
    assert membership(state).spans == (Span(0, 1_001 + HOUR, None),)


def test_an_edited_segment_begins_anew() -> None:
    first = catalog(seen="count('view') >= 1")
    edited = first.put("seen", SegmentDefinition(name="seen", rule="count('view') >= 2"), KEEP_ALL)
    state = step(UserState(), [view(1, 1_000), view(2, 2_000)], first, KEEP_ALL)
    state = step(state, [view(3, 3_000)], first, KEEP_ALL)
    assert membership(state).spans == (Span(0, 2_000, None),)
    assert membership(refresh(state, edited)).spans == (Span(0, 3_000, None),)


def test_a_rule_with_many_spans_is_packed_up_to_a_moment() -> None:
    odd = catalog(odd="count('view', within='1h') in [1, 3, 5, 7, 9, 11]")
    state = step(UserState(), [view(number, number) for number in range(11)], odd, KEEP_ALL)
    found = membership(state)
    assert len(found.spans) == MAX_SPANS
    assert found.exact_until_ms == HOUR + 7
    assert found.is_exact_at(HOUR + 6)
    assert not found.is_exact_at(HOUR + 7)


def test_a_membership_survives_its_bytes() -> None:
    whole = Membership(7, 10**12, (Span(0, 5, None), Span(300, 10**12, 2 * 10**12)), 10**13, frozenset({1, 9}))
    for each in (whole, Membership(0, 0)):
        assert decode_membership(encode_membership(each)) == each


def test_bytes_of_another_version_are_refused() -> None:
    with pytest.raises(UnknownCodec):
        decode_membership(msgpack.packb([99, "?"]))
    with pytest.raises(UnknownCodec):
        decode_profile(msgpack.packb([99, "?"]))


@pytest.mark.parametrize("decode", [decode_membership, decode_profile])
@pytest.mark.parametrize(
    "data", [b"garbage", b"\xc1", b"\x90", b"1", msgpack.packb([1, 2]), msgpack.packb(["ann@x", 2])]
)
def test_bytes_that_nobody_wrote_are_refused_without_repeating_them(
    decode: Callable[[bytes], object], data: bytes
) -> None:
    with pytest.raises(UnknownCodec) as raised:
        decode(data)
    assert "ann" not in str(raised.value)
