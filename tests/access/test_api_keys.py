"""A key is known by what is kept of it, and by nothing less."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.access.api_keys import KeyRing, Scope, new_key

KEY, RECORD = new_key("ad server", [Scope.LOOKUP])
OTHER_KEY, OTHER = new_key("console", [Scope.SEGMENTS, Scope.OPERATIONS], expires_ms=1_000)
RING = KeyRing([RECORD, OTHER])


def test_each_key_finds_its_own_record() -> None:
    assert (RING.find(KEY.encode()), RING.find(OTHER_KEY.encode())) == (RECORD, OTHER)


def test_a_key_has_the_promised_shape_and_no_two_are_alike() -> None:
    keys = [new_key("n", [Scope.LOOKUP])[0] for _ in range(200)]
    assert all(re.fullmatch(r"tranche_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", key) for key in keys)
    assert len({key[:16] for key in keys}) == len({key[17:] for key in keys}) == 200


@given(st.integers(0, len(KEY) - 1), st.characters(codec="ascii"))
def test_a_key_with_one_character_changed_is_unknown(place: int, character: str) -> None:
    changed = KEY[:place] + character + KEY[place + 1 :]
    assert (RING.find(changed.encode()) is None) == (changed != KEY)


@given(st.one_of(st.binary(max_size=80), st.builds(lambda cut: KEY.encode()[:cut], st.integers(0, len(KEY) - 1))))
def test_anything_else_is_unknown(shown: bytes) -> None:
    assert RING.find(shown) is None


def test_the_id_of_one_key_with_the_secret_of_another_is_unknown() -> None:
    assert RING.find((KEY[:17] + OTHER_KEY[17:]).encode()) is None


def test_a_key_with_more_behind_it_is_unknown() -> None:
    assert [RING.find(KEY.encode() + more) for more in (b"\n", b" ", b"x", b"\x00")] == [None] * 4


def test_an_empty_ring_knows_nobody() -> None:
    assert KeyRing().find(KEY.encode()) is None


def test_what_is_kept_does_not_hold_the_key() -> None:
    assert KEY[17:] not in repr(RECORD)


def test_a_key_expires_at_its_millisecond() -> None:
    assert [OTHER.expired(at_ms) for at_ms in (999, 1_000)] == [False, True]
    assert not RECORD.expired(10**15)
