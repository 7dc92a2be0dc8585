"""Scales: what they make of ordinary values, of odd ones, and of none."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.samples import BOUND, Vector
from services.segmentation.models.scaling import LEAST_DEVIATION, LIMIT, Scale

values = st.floats(-BOUND, BOUND) | st.none()
vectors = st.lists(st.tuples(values, values), min_size=1, max_size=30)
odd = st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, 1e12]) | values


def test_values_are_in_deviations_from_the_mean() -> None:
    scale = Scale.of([(1.0, -10.0), (3.0, None), (1.0, 0.0), (3.0, 10.0)])
    assert scale.means == (2.0, 0.0)
    assert scale.deviations == (1.0, math.sqrt(200 / 3))
    assert scale.scaled((4.0, None)) == (2.0, 0.0)


def test_what_is_missing_is_like_the_mean_and_what_is_far_is_at_the_limit() -> None:
    scale = Scale((1.0,) * 6, (0.5,) * 6)
    far: Vector = (None, math.nan, 1e300, -1e300, math.inf, -math.inf)
    assert scale.scaled(far) == (0.0, 0.0, LIMIT, -LIMIT, LIMIT, -LIMIT)
    assert Scale.of([(math.nan,), (0.3,), (0.7,)]) == Scale.of([(None,), (0.3,), (0.7,)])


def test_a_constant_feature_has_the_least_deviation_and_one_that_nobody_has_that_of_a_share() -> None:
    scale = Scale.of([(0.7, None), (0.7, None)])
    assert (scale.means, scale.deviations) == ((0.7, 0.0), (LEAST_DEVIATION, 1.0))


@given(vectors=vectors, order=st.randoms(use_true_random=False))
def test_a_scale_does_not_depend_on_the_order_of_samples(vectors: list[Vector], order: random.Random) -> None:
    shuffled = list(vectors)
    order.shuffle(shuffled)
    assert Scale.of(shuffled) == Scale.of(vectors)


@given(vectors=vectors, value=st.floats(-BOUND, BOUND))
def test_unscaled_undoes_scaled_within_the_limit(vectors: list[Vector], value: float) -> None:
    scale = Scale.of(vectors)
    scaled = scale.scaled((value, value))
    for back, at in zip(scale.unscaled(scaled), scaled, strict=True):
        assert abs(at) == LIMIT or back == pytest.approx(value, abs=1e-9)


@given(vectors=st.lists(st.tuples(odd, odd), min_size=1, max_size=30), probe=st.tuples(odd, odd))
def test_whatever_comes_a_scale_is_finite_and_so_is_what_it_makes(vectors: list[Vector], probe: Vector) -> None:
    scale = Scale.of(vectors)
    assert all(math.isfinite(mean) and abs(mean) <= BOUND for mean in scale.means)
    assert all(LEAST_DEVIATION <= deviation <= BOUND for deviation in scale.deviations)
    assert all(abs(value) <= LIMIT for value in scale.scaled(probe))


@pytest.mark.parametrize("poison", [math.nan, math.inf, -1e300, 1e9, BOUND])
def test_one_odd_user_among_a_thousand_hardly_changes_the_scale(poison: float) -> None:
    chance = random.Random(7)
    clean: list[Vector] = [(chance.gauss(0.5, 0.3),) for _ in range(999)]
    before, after = Scale.of(clean), Scale.of([*clean, (poison,)])
    assert after.means[0] == pytest.approx(before.means[0], abs=0.02)
    assert after.deviations[0] == pytest.approx(before.deviations[0], rel=0.15)


def test_vectors_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Scale.of([(1.0,), (1.0, 2.0)])
    with pytest.raises(ValueError, match="zip"):
        Scale((0.0,), (1.0,)).scaled((1.0, 2.0))
