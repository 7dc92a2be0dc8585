"""Samples: who is sampled when, and what of a sample comes back from its bytes."""

import math
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.samples import (
    Activity,
    Outcome,
    Sample,
    Told,
    is_due,
    pseudonym,
    row_of,
    told_in,
)
from services.segmentation.profile import RETAINED, add_all

HOUR = 3_600_000
EVERY = 6 * HOUR

users = st.integers(0, 2**64 - 1)
moments = st.integers(0, 2**41)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
samples = st.builds(
    Sample, users, moments, st.lists(st.none() | numbers, max_size=8).map(tuple), st.none() | st.booleans()
)
outcomes = st.builds(Outcome, users, moments)


@given(user=users, times=st.lists(st.integers(0, 100 * HOUR), min_size=1, max_size=40).map(sorted))
def test_a_user_is_sampled_once_in_every_stretch_in_which_something_happens(user: int, times: list[int]) -> None:
    known = [Activity(now, 1_024 + number) for number, now in enumerate(times)]
    pairs = zip([None, *known], known, strict=False)
    sampled = [now.latest_ms for before, now in pairs if is_due(user, before, now, EVERY)]
    offset = user % EVERY
    assert sampled[0] == times[0]
    assert [(now + offset) // EVERY for now in sampled] == sorted({(now + offset) // EVERY for now in times})


@given(user=users, at_ms=moments, folded=st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_within_a_stretch_a_user_is_sampled_when_the_events_reach_a_power_of_two(
    user: int, at_ms: int, folded: list[int]
) -> None:
    """Or pass it, where several are folded at once."""
    counts = [sum(folded[: number + 1]) for number in range(len(folded))]
    for before, now in pairwise([0, *counts]):
        reached = any(before < 2**power <= now for power in range(12))
        assert is_due(user, Activity(at_ms, before), Activity(at_ms, now), EVERY) is reached


def test_the_events_of_a_user_are_counted_with_those_that_fell_off() -> None:
    events = [Event(f"e-{n}", "u", "view" if n % 4 else "purchase", n) for n in range(RETAINED * 2)]
    profile = add_all(None, events, KEEP_ALL)
    assert profile is not None
    assert Activity.of(profile) == Activity(RETAINED * 2 - 1, RETAINED * 2)
    assert any(log.dropped_count for log in profile.types.values())


def test_stretches_begin_at_another_time_for_each_user() -> None:
    begun = [
        next(
            minute
            for minute in range(1, 361)
            if is_due(pseudonym("s", f"u-{number}"), Activity(0, 1), Activity(minute * 60_000, 1), EVERY)
        )
        for number in range(1_200)
    ]
    by_hour = [sum(1 for minute in begun if (minute - 1) // 60 == hour) for hour in range(6)]
    assert sum(by_hour) == 1_200
    assert min(by_hour) > 150


def test_a_pseudonym_stays_and_tells_spaces_users_and_keys_apart() -> None:
    assert pseudonym("default", "u-42") == 12_017_628_907_306_090_927
    told = {pseudonym(*each) for each in (("s", "u"), ("s", "v"), ("t", "u"), ("s", "u", b"k"), ("s", "u", b"l"))}
    assert len(told) == 5
    assert all(0 <= each < 2**64 for each in told)


@given(told=samples | outcomes)
def test_what_is_told_survives_its_bytes(told: Told) -> None:
    found = told_in(orjson.loads(orjson.dumps(row_of(told))))
    assert found == told
    assert repr(found) == repr(told)
    assert told_in(row_of(told)) == told


@pytest.mark.parametrize(
    "row",
    [
        [],
        [1],
        [1, "2"],
        [1.5, 2],
        [True, 2],
        [1, False],
        [1, 2, [0.5]],
        [1, 2, [0.5], 1],
        [1, 2, [0.5], "yes"],
        [1, 2, "abc", None],
        [1, 2, None, None],
        [1, 2, {"a": 1.0}, None],
        [1, 2, ["0.5"], None],
        [1, 2, [True], None],
        [1, 2, [[0.5]], None],
        [1, 2, [math.nan], None],
        [1, 2, [math.inf], None],
        [1, 2, [0.5, -math.inf], None],
        [False, 2, [0.5], None],
        [1, 2, [0.5], None, 3],
    ],
    ids=repr,
)
def test_what_is_neither_sample_nor_outcome_is_refused(row: list[Any]) -> None:
    with pytest.raises(ValueError, match="neither a sample nor an outcome"):
        told_in(row)
