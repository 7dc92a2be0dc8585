"""Who went from which class to which."""

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.snapshots import Move
from services.segmentation.training import moves as room
from services.segmentation.training.moves import DAY_MS, Moves

SEEN = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["c1", "c2", "c10"]), st.integers(0, 3)), max_size=60)


def test_a_user_moves_from_the_class_before_to_the_class_now_on_the_day_of_the_later_sample() -> None:
    moves = Moves()
    moves.seen(1, "c1", 10 * DAY_MS - 1)
    assert moves.moves() == ()
    moves.seen(1, "c2", 10 * DAY_MS)
    moves.seen(1, "c2", 11 * DAY_MS - 1)
    assert moves.moves() == (Move(10, "c1", "c2", 1), Move(10, "c2", "c2", 1))


@given(SEEN)
def test_every_sample_but_a_users_first_is_one_move(seen: list[tuple[int, str, int]]) -> None:
    moves, classes, expected = Moves(), dict[int, str](), Counter[tuple[int, str, str]]()
    for user, name, day in seen:
        moves.seen(user, name, day * DAY_MS + 5)
        if user in classes:
            expected[day, classes[user], name] += 1
        classes[user] = name
    assert [(move[:3], move.users) for move in moves.moves()] == sorted(expected.items())


@given(SEEN, SEEN)
def test_one_that_was_stored_goes_on_like_the_one_that_was_not(
    before: list[tuple[int, str, int]], after: list[tuple[int, str, int]]
) -> None:
    kept = Moves()
    for user, name, day in before:
        kept.seen(user, name, day * DAY_MS)
    restored = Moves.restore(orjson.loads(orjson.dumps(kept.state())))
    for user, name, day in after:
        kept.seen(user, name, day * DAY_MS)
        restored.seen(user, name, day * DAY_MS)
    assert restored.moves() == kept.moves()
    assert restored.state() == kept.state()


def test_a_class_has_gone_to_the_one_that_half_of_its_people_are_in_now_and_to_none_that_gives_it_as_many() -> None:
    moves = Moves()
    for user in range(10):
        moves.seen(user, "c1" if user < 6 else "c2", 0)
    for user in (0, 1, 2, 3):
        moves.seen(user, "c3", DAY_MS)
    for user in (4, 5, 6, 7):  # who change places
        moves.seen(user, "c2" if user < 6 else "c1", 2 * DAY_MS)
    assert moves.gone_to() == {"c1": "c3"}
    assert Moves.restore(orjson.loads(orjson.dumps(moves.state()))).gone_to() == {"c1": "c3"}
    moves.seen(0, "c1", 3 * DAY_MS)
    moves.seen(1, "c1", 3 * DAY_MS)
    assert moves.gone_to() == {}


def test_of_too_many_users_the_one_who_was_not_seen_for_the_longest_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "MOST_USERS", 2)
    moves = Moves()
    for user in (1, 2, 1, 3, 2, 1):
        moves.seen(user, f"c{user}", 0)
    assert moves.moves() == (Move(0, "c1", "c1", 1),)
    assert len(moves.state()["classes"]) == 2


def test_of_too_many_days_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_DAYS", 3)
    moves = Moves()
    for day in range(6):
        moves.seen(1, "c1", day * DAY_MS)
    assert [move.day for move in moves.moves()] == [3, 4, 5]


def test_of_too_many_pairs_the_oldest_days_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_PAIRS", 5)
    moves = Moves()
    for day in range(3):
        for number in range(3):
            moves.seen(1, f"c{number}", day * DAY_MS)
    assert [move.day for move in moves.moves()] == [2, 2, 2]
