"""The users who stand for all."""

import math
import statistics
from collections.abc import Sequence
from hashlib import blake2b

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.training.panel import Panel, Row

DAY_MS = 86_400_000
Told = Sequence[tuple[int, int, bool | None]]
SAMPLES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 400 * DAY_MS), st.one_of(st.none(), st.booleans())), max_size=80
)


def panel(capacity: int = 4_000, half_life_days: float = 90, salt: bytes = b"model") -> Panel:
    return Panel(half_life_days * DAY_MS, salt, capacity)


def users(of: Panel) -> set[int]:
    return {row.user for row in of.rows()}


def test_a_user_who_is_sampled_again_is_there_once_as_it_is_now() -> None:
    of = panel()
    of.add(1, 100, (0.5, None))
    of.add(2, 200, (1.0, 2.0))
    of.add(1, 300, (0.75, 3.0), label=True)
    of.add(2, 100, (9.0, 9.0))
    assert set(of.rows()) == {Row(2, 200, (1.0, 2.0)), Row(1, 300, (0.75, 3.0), True)}


def luck(user: int, salt: bytes) -> float:
    number = int.from_bytes(blake2b(str(user).encode(), digest_size=8, key=salt).digest())
    return -math.log2(-math.log((number + 0.5) / 2**64))


@given(SAMPLES, st.integers(1, 12))
def test_on_it_are_those_of_the_best_chances_however_they_came(samples: Told, capacity: int) -> None:
    of = panel(capacity)
    for number, (user, at_ms, label) in enumerate(samples):
        of.add(user, at_ms, (float(number),), label)
    rows = [Row(user, at_ms, (float(number),), label) for number, (user, at_ms, label) in enumerate(samples)]
    newest = {row.user: row for row in sorted(rows, key=lambda row: (row.at_ms, row.features))}
    best = sorted(newest, key=lambda user: (luck(user, b"model") + newest[user].at_ms / (90 * DAY_MS), user))
    assert set(of.rows()) == {newest[user] for user in best[-capacity:]}
    assert len(of.rows()) == min(len(newest), capacity)


@given(SAMPLES, st.integers(1, 12))
def test_it_means_nothing_how_often_it_is_looked_at(samples: Told, capacity: int) -> None:
    """Whoever stores a state after every sample trains as one who never does."""
    watched, alone = panel(capacity), panel(capacity)
    for number, (user, at_ms, label) in enumerate(samples):
        for each in (watched, alone):
            each.add(user, at_ms, (float(number),), label)
        watched.state()
    assert watched.rows() == alone.rows()


@given(SAMPLES, SAMPLES)
def test_one_that_was_stored_goes_on_like_the_one_that_was_not(before: Told, after: Told) -> None:
    kept, restored = panel(5), panel(5)
    for user, at_ms, label in before:
        kept.add(user, at_ms, (at_ms / 7, None), label)
    restored.restore(orjson.loads(orjson.dumps(kept.state())))
    for user, at_ms, label in after:
        for each in (kept, restored):
            each.add(user, at_ms, (at_ms / 7, None), label)
    assert restored.rows() == kept.rows()
    assert restored.state() == kept.state()


def test_it_is_a_fair_sample_of_a_site_of_many_and_not_the_last_who_came() -> None:
    of = panel(1_000)
    for number in range(20_000):  # in two weeks
        of.add(number, number * 14 * DAY_MS // 20_000, ())
    seen_days = [row.at_ms / DAY_MS for row in of.rows()]
    assert len(seen_days) == 1_000
    assert 6.5 < statistics.mean(seen_days) < 7.8
    assert 0.19 < sum(each < 3.5 for each in seen_days) / 1_000 < 0.29


def test_who_was_seen_a_half_life_before_has_half_the_chance() -> None:
    of = panel(1_000, half_life_days=10)
    for number in range(40_000):
        of.add(number, (number % 2) * 10 * DAY_MS, ())
    late = sum(row.at_ms > 0 for row in of.rows())
    assert 0.62 < late / 1_000 < 0.71


def test_who_is_gone_for_long_makes_room() -> None:
    of = panel(100, half_life_days=1)
    for user in range(200):
        of.add(user, 0, ())
    for user in range(200, 300):
        of.add(user, 60 * DAY_MS, ())
    assert users(of) == set(range(200, 300))


def test_with_another_salt_others_are_drawn() -> None:
    some, others = panel(100), panel(100, salt=b"another")
    for user in range(1_000):
        some.add(user, 0, ())
        others.add(user, 0, ())
    assert len(users(some) & users(others)) < 30
