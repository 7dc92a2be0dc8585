"""Memberships: what is judged, where spans begin, how many are packed, and their bytes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog, SegmentDefinition, SegmentInUse
from services.segmentation.engine import UserState, refresh, step
from services.segmentation.events import Event
from services.segmentation.intervals import START
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import MAX_SPANS, Membership, Span, judge
from services.segmentation.rules.residual import Asked, Either, Every
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
    state = step(UserState(), [view(1, 1_000)], catalog(seen="count('view', within='1h') >= 1"), KEEP_ALL, UTC)
    assert membership(state).spans == (Span(0, 1_000, 1_000 + HOUR),)


def test_a_span_keeps_its_beginning_while_the_user_stays() -> None:
    seen = catalog(seen="count('view', within='1h') >= 1")
    state = step(UserState(), [view(1, 1_000)], seen, KEEP_ALL, UTC)
    state = step(state, [view(2, 500_000)], seen, KEEP_ALL, UTC)
    assert membership(state).spans == (Span(0, 1_000, 500_000 + HOUR),)
    state = step(state, [view(3, 9 * HOUR)], seen, KEEP_ALL, UTC)
    assert membership(state).spans == (Span(0, 9 * HOUR, 10 * HOUR),)


def test_what_will_begin_by_itself_is_known_ahead() -> None:
    gone = catalog(gone="since('view') > '1h'")
    state = step(UserState(), [view(1, 1_000)], gone, KEEP_ALL, UTC)
    assert membership(state).spans == (Span(0, 1_001 + HOUR, None),)


def test_an_edited_segment_begins_anew() -> None:
    first = catalog(seen="count('view') >= 1")
    edited = first.put("seen", SegmentDefinition(name="seen", rule="count('view') >= 2"), KEEP_ALL)
    state = step(UserState(), [view(1, 1_000), view(2, 2_000)], first, KEEP_ALL, UTC)
    state = step(state, [view(3, 3_000)], first, KEEP_ALL, UTC)
    assert membership(state).spans == (Span(0, 2_000, None),)
    assert membership(refresh(state, edited, UTC)).spans == (Span(0, 3_000, None),)


def test_a_rule_with_many_spans_is_packed_up_to_a_moment() -> None:
    odd = catalog(odd="count('view', within='1h') in [1, 3, 5, 7, 9, 11]")
    state = step(UserState(), [view(number, number) for number in range(11)], odd, KEEP_ALL, UTC)
    found = membership(state)
    assert len(found.spans) == MAX_SPANS
    assert found.exact_until_ms == HOUR + 7
    assert found.is_exact_at(HOUR + 6)
    assert not found.is_exact_at(HOUR + 7)


EDITS = {
    "odd": "count('view', within='1h') in [1, 3, 5, 7, 9, 11]",
    "seen": "since('view') < '1h'",
    "mobile": 'request("device.type") == "mobile" and segment("seen")',
    "whole": 'segment("seen") and not segment("mobile")',
}


@given(st.lists(st.sampled_from(list(EDITS)), max_size=3), st.lists(st.sampled_from(list(EDITS)[::-1]), max_size=2))
def test_evaluating_what_was_edited_gives_what_evaluating_all_would(edited: list[str], deleted: list[str]) -> None:
    definitions = {name: SegmentDefinition(name=name, rule=rule) for name, rule in EDITS.items()}
    first = Catalog().put_all(definitions, KEEP_ALL)
    state = step(UserState(), [view(number, number) for number in range(11)], first, KEEP_ALL, UTC)
    newer = first
    for name in edited:
        rule = f"({EDITS[name]}) and tenure() < '2h'"
        newer = newer.put(name, SegmentDefinition(name=name, rule=rule), KEEP_ALL)
    for name in deleted:
        with suppress(SegmentInUse):
            newer = newer.delete(name)
    assert state.profile is not None
    some, everything = refresh(state, newer, UTC), judge(state.profile, newer, UTC, state.membership)
    found = membership(some)
    assert (found.catalog_version, found.spans) == (newer.version, everything.spans)
    assert sorted(found.residuals) == sorted(everything.residuals)
    assert found.exact_until_ms == (membership(state).exact_until_ms if "odd" in edited + deleted else HOUR + 7)


def test_a_residual_that_grows_too_large_is_left_to_the_profile() -> None:
    many = " or ".join(f'(count("view", within="{n}h") in [1, 3, 5, 7] and request("n") == {n})' for n in range(1, 12))
    state = step(UserState(), [view(number, number) for number in range(11)], catalog(many=many), KEEP_ALL, UTC)
    assert membership(state).residuals == ()
    assert not membership(state).is_exact_at(10)


def test_a_membership_survives_its_bytes() -> None:
    whole = Membership(7, 10**12, (Span(0, 5, None), Span(300, 10**12, 2 * 10**12)), 10**13, frozenset({1, 9}))
    intervals = (START, 5, 10**12)
    asking = Either((intervals, Asked(3, False), Every((Asked(0), (10**12,)))))
    asked = replace(whole, residuals=((2, asking), (7, Asked(1))), time_zone="Europe/Paris")
    for each in (whole, asked, Membership(0, 0)):
        assert decode_membership(encode_membership(each)) == each


def test_what_the_version_before_wrote_is_read() -> None:
    found = decode_membership(msgpack.packb([1, 7, 1_000, None, [1, 9], [0, -5, 10]]))
    assert found == Membership(7, 1_000, (Span(0, 995, 1_010),), None, frozenset({1, 9}), counted=False)


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
