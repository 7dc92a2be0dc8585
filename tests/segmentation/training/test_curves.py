"""Raw scores become parts of the population, and probabilities that keep what they promise."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.prediction import on_curve
from services.segmentation.training.curves import percentiles, probabilities, shifted

RAWS = st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=1, max_size=300)


@given(RAWS)
def test_a_percentile_is_the_part_that_is_lower_and_half_of_those_who_are_equal(raws: list[float]) -> None:
    curve = percentiles(raws)
    slack = 0.01 + 1 / len(raws)
    for raw in raws:
        lower, equal = sum(other < raw for other in raws), raws.count(raw)
        assert on_curve(curve, raw) == pytest.approx((lower + equal / 2) / len(raws), abs=slack)


@given(RAWS)
def test_percentiles_rise_and_are_few(raws: list[float]) -> None:
    curve = percentiles(raws)
    assert all(left < right and low < high for (left, low), (right, high) in pairwise(curve))
    assert len(curve) <= 111


def test_the_most_alike_in_twenty_and_the_most_unusual_in_a_thousand_are_as_many_as_that_says() -> None:
    chance = Random(5)
    raws = [chance.expovariate(1.0) ** 3 for _ in range(20_000)]
    curve = percentiles(raws)
    for part in (0.5, 0.95, 0.99, 0.999):
        chosen = sum(on_curve(curve, raw) >= part for raw in raws) / len(raws)
        assert chosen == pytest.approx(1 - part, abs=0.000_1)


@pytest.mark.parametrize(("equals", "is_chosen"), [(70, True), (130, False)])
def test_a_group_of_equals_is_taken_in_where_that_comes_nearer(equals: int, is_chosen: bool) -> None:
    raws = [*map(float, range(1_000 - equals)), *[5_000.0] * equals]
    assert (on_curve(percentiles(raws), 5_000.0) >= 0.95) is is_chosen


def test_where_all_are_equal_each_is_in_the_middle() -> None:
    assert percentiles([2.0] * 50) == ((2.0, 0.5),)


def scored(count: int, *, seed: int = 3) -> list[tuple[float, bool]]:
    """Raw scores, of which the probability is the square."""
    chance = Random(seed)
    raws = [chance.random() for _ in range(count)]
    return [(raw, chance.random() < raw**2) for raw in raws]


def test_a_probability_is_how_often_it_happens() -> None:
    curve = probabilities(scored(20_000))
    for raw in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert on_curve(curve, raw) == pytest.approx(raw**2, abs=0.04)


@given(st.lists(st.tuples(st.integers(-5, 5).map(float), st.booleans()), min_size=1, max_size=400))
def test_probabilities_rise_are_few_and_have_the_mean_of_the_labels(told: list[tuple[float, bool]]) -> None:
    curve = probabilities(told)
    assert 1 <= len(curve) <= 20
    assert all(left < right and low < high for (left, low), (right, high) in pairwise(curve))
    assert all(0 <= rate <= 1 for _, rate in curve)
    assert on_curve(curve, 1e9) == curve[-1][1]


def test_a_few_who_all_did_it_are_no_certainty() -> None:
    curve = probabilities([(0.0, False)] * 30 + [(1.0, True)] * 30)
    assert 0 < curve[0][1] < 0.05
    assert 0.95 < curve[-1][1] < 1


def test_what_never_happens_is_impossible_and_what_always_does_is_certain() -> None:
    assert probabilities([(raw, False) for raw, _ in scored(200)])[-1][1] == 0
    assert probabilities([(raw, True) for raw, _ in scored(200)])[0][1] == 1


def test_scores_without_meaning_give_everybody_the_rate_of_all() -> None:
    chance = Random(7)
    curve = probabilities([(chance.random(), chance.random() < 0.1) for _ in range(4_000)])
    assert all(abs(rate - 0.1) < 0.06 for _, rate in curve)
    assert all(low < high for (_, low), (_, high) in pairwise(curve))


def test_where_more_is_less_all_are_one() -> None:
    """A pool counts those who are in it, however the bins are that it was made of."""
    told = [(0.0, number % 2 == 0) for number in range(300)] + [(float(raw), False) for raw in range(1, 101)]
    ((raw, rate),) = probabilities(told)
    assert raw == pytest.approx(sum(raw for raw, _ in told) / 400)
    assert rate == pytest.approx(150 / 400, abs=0.005)


@given(st.floats(0.02, 0.9))
def test_a_shifted_curve_has_the_mean_that_is_asked_for_and_still_rises(rate: float) -> None:
    told = scored(600)
    raws = [raw for raw, _ in told]
    curve = probabilities(told)
    moved = shifted(curve, raws, rate)
    assert sum(on_curve(moved, raw) for raw in raws) / len(raws) == pytest.approx(rate, abs=1e-6)
    assert all(left < right and low < high for (left, low), (right, high) in pairwise(moved))


def test_nothing_shifts_what_is_certain() -> None:
    assert shifted(((0.0, 0.0), (1.0, 1.0)), [0.0, 1.0], 0.1) == ((0.0, 0.0), (1.0, 1.0))
