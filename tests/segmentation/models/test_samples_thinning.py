"""Which samples are left out where a trainer does not keep up, and how many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.samples import pseudonym
from services.segmentation.models.thinning import FREE_BACKLOG, MINUTE_MS, MOST, level, stays

backlogs = st.integers(0, 2**40)
silences = st.integers(-(2**40), 2**40)


@pytest.mark.parametrize(
    ("backlog", "expected"),
    [(0, 0), (5_000, 0), (5_001, 1), (10_000, 1), (10_001, 2), (20_000, 2), (20_001, 3), (2_560_001, 10), (10**12, 10)],
)
def test_with_each_doubling_of_the_records_that_wait_half_as_many_samples_stay(backlog: int, expected: int) -> None:
    assert level(backlog, 0) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-5, 0), (0, 0), (0.99, 0), (1, 1), (1.99, 1), (2, 2), (4, 3), (512, 10), (10**6, 10)]
)
def test_with_each_doubling_of_the_minutes_that_the_trainer_is_silent_too(minutes: float, expected: int) -> None:
    assert level(0, int(minutes * MINUTE_MS)) == expected


@given(backlog=backlogs, silent_ms=silences)
def test_both_count_and_there_is_an_end(backlog: int, silent_ms: int) -> None:
    assert level(backlog, silent_ms) == min(MOST, level(backlog, 0) + level(0, silent_ms))
    assert level(backlog + FREE_BACKLOG, silent_ms) >= level(backlog, silent_ms)
    assert level(backlog, silent_ms + MINUTE_MS) >= level(backlog, silent_ms)


@given(user=st.integers(0, 2**64 - 1), at_ms=st.integers(0, 2**48), at_level=st.integers(0, MOST - 1))
def test_what_stays_at_a_level_stays_at_all_lower_ones(user: int, at_ms: int, at_level: int) -> None:
    assert stays(user, at_ms, 0)
    assert stays(user, at_ms, at_level) >= stays(user, at_ms, at_level + 1)


@pytest.mark.parametrize("at_level", [1, 3, 6])
def test_as_many_stay_as_the_level_says_of_one_user_as_of_many(at_level: int) -> None:
    users = [pseudonym("s", f"u-{number}") for number in range(64_000)]
    of_many = sum(stays(user, 1_700_000_000_000, at_level) for user in users)
    of_one = sum(stays(users[0], 1_700_000_000_000 + 60_000 * minute, at_level) for minute in range(64_000))
    for found in (of_many, of_one):
        assert found == pytest.approx(64_000 / 2**at_level, rel=0.12)
