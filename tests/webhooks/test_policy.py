"""When a webhook is tried again and when it is given up; the time is told, so nothing waits."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.policy import (
    FIRST_DELAY_MS,
    GIVE_UP_AFTER_MS,
    LONGEST_DELAY_MS,
    Answer,
    Standing,
    after,
)

FINE, BUSY, SILENT = Answer("204", 204), Answer("503", 503), Answer("none (ReadTimeout)")
statuses = st.one_of(st.none(), st.integers(300, 599).filter(lambda status: status != 410))
chances = st.floats(0, 1, exclude_max=True)


def tries_at(answers: list[Answer], chance: float = 0.0) -> list[int]:
    """When the tries after each of the answers are, each made as soon as it may be."""
    standing, now_ms, found = Standing(), 0, []
    for answer in answers:
        standing = after(standing, answer, now_ms, chance)
        now_ms += standing.wait_ms(now_ms)
        found.append(now_ms)
    return found


def test_waits_double_up_to_five_minutes() -> None:
    waits_ms = [later - earlier for earlier, later in pairwise([0, *tries_at([SILENT] * 12)])]
    assert waits_ms == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000, 150_000, 150_000]


@given(failures=st.integers(1, 200), chance=chances)
def test_every_wait_is_between_a_second_and_five_minutes(failures: int, chance: float) -> None:
    standing = after(Standing(failures=failures - 1), BUSY, 7, chance)
    assert standing.failures == failures
    assert FIRST_DELAY_MS <= standing.wait_ms(7) <= LONGEST_DELAY_MS


@given(chance=chances, other=chances)
def test_chance_spreads_the_tries(chance: float, other: float) -> None:
    waits_ms = [after(Standing(failures=20), BUSY, 0, each).wait_ms(0) for each in (chance, other)]
    assert abs((waits_ms[0] - waits_ms[1]) - (chance - other) * LONGEST_DELAY_MS / 2) <= 1


@given(asked_ms=st.integers(0, 10**12), failures=st.integers(0, 20), chance=chances)
def test_nothing_is_sent_before_the_receiver_wants_it(asked_ms: int, failures: int, chance: float) -> None:
    standing = after(Standing(failures=failures), Answer("429", 429, asked_ms), 0, chance)
    assert standing.wait_ms(0) >= min(asked_ms, GIVE_UP_AFTER_MS)
    assert standing.wait_ms(0) >= after(Standing(failures=failures), BUSY, 0, chance).wait_ms(0)
    assert standing.wait_ms(0) <= GIVE_UP_AFTER_MS, "no receiver stops us for ever"


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_ends_the_waiting(status: int) -> None:
    standing = after(Standing(failures=9, failing_since_ms=5, next_try_ms=99), Answer(str(status), status), 10, 0.5)
    assert standing == Standing()


@given(status=statuses)
def test_anything_else_is_tried_again(status: int | None) -> None:
    standing = after(Standing(), Answer("", status), 0, 0)
    assert standing.failures == 1
    assert standing.disabled is None
    assert standing.wait_ms(0) > 0


def test_a_receiver_that_is_gone_is_not_tried_again() -> None:
    assert after(Standing(), Answer("410", 410), 0, 0).disabled == "the receiver answered 410 Gone"


def test_a_day_without_success_disables() -> None:
    standing = after(Standing(), BUSY, 1_000, 0)
    almost = after(standing, SILENT, 1_000 + GIVE_UP_AFTER_MS - 1, 0)
    assert almost.disabled is None
    assert almost.failing_since_ms == 1_000
    assert "none (ReadTimeout)" in str(after(almost, SILENT, 1_000 + GIVE_UP_AFTER_MS, 0).disabled)


def test_a_success_begins_the_day_anew() -> None:
    standing = after(after(Standing(), BUSY, 0, 0), FINE, GIVE_UP_AFTER_MS - 1, 0)
    failed = after(standing, BUSY, GIVE_UP_AFTER_MS, 0)
    assert failed.disabled is None
    assert failed.failing_since_ms == GIVE_UP_AFTER_MS


def test_a_day_that_nothing_was_sent_is_no_day_of_failures() -> None:
    assert after(after(Standing(), FINE, 0, 0), BUSY, 10 * GIVE_UP_AFTER_MS, 0).disabled is None


def test_a_dead_receiver_costs_few_tries() -> None:
    standing, now_ms, tries = Standing(), 0, 0
    while not standing.disabled:
        standing = after(standing, SILENT, now_ms, 0.5)
        now_ms += standing.wait_ms(now_ms)
        tries += 1
    assert 300 < tries < 450
