"""Whether two centres are two groups, or one that was cut in two."""

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2

from services.segmentation.training.identity.places import View
from services.segmentation.training.identity.valleys import Depth, are_near, depth, depths
from tests.segmentation.training.identity.namings import people, plain


def halves(users: int, dimensions: int, apart: float, seed: int) -> View:
    """Two normal groups that are so many deviations apart, as k-means cuts them; one group where that is 0."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(users, dimensions))
    rows[: users // 2, 0] += apart
    centres, _ = kmeans2(rows, 2, minit="++", iter=20, rng=chance)
    return View([tuple(map(float, each)) for each in centres], 2.0, plain(dimensions), rows.clip(-5, 5).tolist())


@pytest.mark.parametrize("dimensions", [1, 4, 16, 64])
def test_a_group_that_was_cut_in_two_has_no_valley_however_many_features_it_has(dimensions: int) -> None:
    assert not any(depth(halves(300, dimensions, 0.0, seed), 0, 1).is_clear for seed in range(10))


@pytest.mark.parametrize("dimensions", [1, 4, 16, 64])
def test_with_enough_users_it_is_known_to_be_one(dimensions: int) -> None:
    assert all(depth(halves(1_500, dimensions, 0.0, seed), 0, 1).is_filled for seed in range(5))


@pytest.mark.parametrize("dimensions", [1, 4, 16])
def test_two_groups_have_one_and_it_is_not_filled(dimensions: int) -> None:
    found = [depth(halves(600, dimensions, 4.4, seed), 0, 1) for seed in range(10)]
    assert all(each.is_clear for each in found)
    assert not any(each.is_filled for each in found)


def test_a_small_dense_group_beside_a_wide_one_has_its_valley() -> None:
    rows = people((0.0, 0.0), 1_000, deviation=0.6) + people((2.2, 0.0), 100, deviation=0.1)
    assert depth(View([(0.0, 0.0), (2.2, 0.0)], 2.0, plain(2), rows), 0, 1).is_clear


def test_of_few_users_nothing_is_told() -> None:
    few = depth(View([(0.0,), (3.0,)], 2.0, plain(1), [(0.0,)] * 19 + [(3.0,)] * 500), 0, 1)
    assert (few.is_clear, few.is_filled) == (False, False)
    enough = depth(View([(0.0,), (3.0,)], 2.0, plain(1), [(0.0,)] * 20 + [(3.0,)] * 500), 0, 1)
    assert (enough.is_clear, enough.is_filled) == (True, False)


def test_a_valley_by_chance_is_none() -> None:
    assert not Depth(emptiest=10, end=20).is_clear
    assert Depth(emptiest=5, end=20).is_clear
    assert Depth(emptiest=400, end=1_000).is_clear


def test_users_who_are_all_the_same_are_no_two_groups() -> None:
    rows = [(0.0, 0.0)] * 50 + [(0.0, 1e-170)] * 50
    found = depth(View([(0.0, 0.0), (0.0, 1e-170)], 2.0, plain(2), rows), 0, 1)
    assert not found.is_clear


def test_only_of_neighbours_it_is_asked() -> None:
    rows = [(at,) for at in (-2.0, 0.0, 2.0) for _ in range(50)]
    view = View([(-2.0,), (0.0,), (2.0,)], 2.0, plain(1), rows)
    assert depths(view, {"c1": 0, "c2": 1, "c3": 2}).keys() == {("c1", "c2"), ("c2", "c3")}


@pytest.mark.parametrize(("emptiest", "is_sure"), [(85, False), (99, False), (102, True), (150, True)])
def test_what_may_be_filled_by_chance_is_not_filled_for_sure(emptiest: int, is_sure: bool) -> None:
    found = Depth(emptiest, 100)
    assert (found.is_filled, found.is_filled_for_sure) == (True, is_sure)
    assert not Depth(19, 19).is_filled_for_sure


def test_two_are_near_where_a_third_is_twice_as_far_away() -> None:
    view = View([(0.0, 0.0), (1.0, 0.0), (3.1, 0.0)], 2.0, plain(2), [])
    assert are_near(view, 0, 1, [0, 1, 2])
    assert not are_near(view, 1, 2, [0, 1, 2])
    assert are_near(view, 1, 2, [1, 2]), "there is no third"
    closer = View([(0.0, 0.0), (1.0, 0.0), (2.9, 0.0)], 2.0, plain(2), [])
    assert not are_near(closer, 0, 1, [0, 1, 2])
