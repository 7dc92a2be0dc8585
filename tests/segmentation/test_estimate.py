"""What a sample tells of all: bounds that hold as often as they say, and are exact where all were asked."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.estimate import CONFIDENCE, estimate


@st.composite
def samples(draw: st.DrawFn) -> tuple[int, int, int]:
    population = draw(st.integers(1, 10**9))
    sample = draw(st.integers(0, min(population, 5_000)))
    return draw(st.integers(0, sample)), sample, population


@given(samples())
def test_the_share_lies_between_its_bounds(drawn: tuple[int, int, int]) -> None:
    found = estimate(*drawn)
    assert 0 <= found.low <= found.share <= found.high <= 1


@given(samples())
def test_the_bounds_never_contradict_the_sample_itself(drawn: tuple[int, int, int]) -> None:
    hits, sample, population = drawn
    _, (fewest, most) = estimate(*drawn).of(population)
    assert hits <= fewest <= most <= population - (sample - hits)


@given(st.integers(1, 10**9).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_whoever_asks_all_knows_exactly(drawn: tuple[int, int]) -> None:
    hits, population = drawn
    assert estimate(hits, population, population).of(population) == (hits, [hits, hits])


def test_nobody_is_nothing() -> None:
    assert estimate(0, 0, 0) == (0, 0, 0)


def test_who_asks_nobody_knows_nothing() -> None:
    assert estimate(0, 0, 100) == (0, 0, 1)


def test_the_bounds_are_those_of_the_literature() -> None:
    """Wilson's interval of 81 of 263, from R. G. Newcombe, Statistics in Medicine 17, 1998, table I."""
    found = estimate(81, 263, 10**12)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize("population", [300, 10_000])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.97])
def test_the_bounds_hold_as_often_as_they_say(population: int, share: float) -> None:
    random, hits = Random(7), round(share * population)
    runs, held = 1_500, 0
    for _ in range(runs):
        drawn = sum(each < hits for each in random.sample(range(population), 200))
        _, (low, high) = estimate(drawn, 200, population).of(population)
        held += low <= hits <= high
    assert held / runs > CONFIDENCE - 0.03


def test_the_nearer_the_sample_is_to_all_the_nearer_the_bounds_are() -> None:
    widths = [found.high - found.low for size in (10**6, 4_000, 2_500, 2_100) for found in [estimate(600, 2_000, size)]]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 4
