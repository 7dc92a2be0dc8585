"""Where clusterers start from."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.models.scaling import LIMIT
from services.segmentation.training.river import starts
from tests.segmentation.training.conformance.estimators import DIMENSIONS, GROUPS, middles, users

POINT = st.tuples(st.integers(-3, 3).map(float), st.integers(-3, 3).map(float))


def test_centres_are_where_the_groups_are() -> None:
    found = starts.centres(users(500), GROUPS, seed=1)
    for middle in middles():
        assert min(sum((a - b) ** 2 for a, b in zip(middle, centre, strict=True)) for centre in found) < 0.1


@settings(max_examples=50, deadline=None)
@given(st.lists(POINT, min_size=1, max_size=30), st.integers(1, 6))
def test_there_are_as_many_centres_as_asked_for_and_each_user_is_nearer_than_to_the_middle(
    some: list[tuple[float, float]], clusters: int
) -> None:
    found = starts.centres(some, clusters, seed=1)
    middle = tuple(sum(column) / len(some) for column in zip(*some, strict=True))
    assert len(found) == clusters
    assert starts.inertia(some, found, 2.0) <= starts.inertia(some, [middle], 2.0) + 1e-9
    if len(set(some)) <= clusters:
        assert starts.inertia(some, found, 2.0) == 0.0


def test_inertia_is_the_sum_of_distances_to_the_nearest() -> None:
    assert starts.inertia([(0.0, 0.0), (3.0, 4.0)], [(0.0, 0.0), (9.0, 9.0)], 2.0) == 25.0
    assert starts.inertia([(0.0, 0.0), (3.0, 4.0)], [(0.0, 0.0), (9.0, 9.0)], 1.0) == 7.0


def test_a_few_users_who_are_nothing_but_extremes_pull_no_centre_to_them() -> None:
    found = starts.centres(users(490) + [(LIMIT,) * DIMENSIONS, (-LIMIT,) * DIMENSIONS] * 5, GROUPS, seed=1)
    for middle in middles():
        assert min(sum((a - b) ** 2 for a, b in zip(middle, centre, strict=True)) for centre in found) < 0.1


def test_inertia_leaves_out_the_farthest() -> None:
    assert starts.inertia([(0.0,)] * 97 + [(1.0,), (5.0,), (5.0,)], [(0.0,)], 2.0) == 1.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_many_groups_none_is_parted_and_none_are_joined(seed: int) -> None:
    chance = Random(seed)
    grid = [(float(x), float(y)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]
    some = [(x + chance.gauss(0, 0.2), y + chance.gauss(0, 0.2)) for x, y in grid for _ in range(20)]
    found = starts.centres(some, len(grid), seed)
    assert starts.inertia(some, found, 2.0) <= 1.001 * starts.inertia(some, grid, 2.0)
