"""Who has company."""

import numpy as np
import pytest

from services.segmentation.training.geometry.company import MOST_COMPARED, in_company, with_company
from services.segmentation.training.geometry.distances import Matrix


def crowd(at: float, users: int, features: int = 4, deviation: float = 1.0) -> Matrix:
    return np.random.default_rng(users).normal(at, deviation, (users, features))


@pytest.mark.parametrize("users", [100, MOST_COMPARED, 4 * MOST_COMPARED])
@pytest.mark.parametrize("features", [2, 8, 24])
def test_people_of_groups_have_it(users: int, features: int) -> None:
    groups = np.concatenate([crowd(-3.0, users // 2, features), crowd(3.0, users - users // 2, features)])
    assert in_company(groups).mean() > 0.995


@pytest.mark.parametrize("features", [4, 16])
def test_a_few_who_are_extremes_have_none(features: int) -> None:
    odd = 9.0 * np.random.default_rng(1).choice([-1.0, 1.0], (50, features))
    found = in_company(np.concatenate([crowd(0.0, 950, features), odd]))
    assert found[:950].mean() > 0.995
    assert found[950:].mean() < 0.1


@pytest.mark.parametrize(("part", "expected"), [(0.03, True), (0.015, False)])
def test_a_group_that_lies_far_out_has_its_own_if_it_is_large_enough(part: float, expected: bool) -> None:
    few = round(1_000 * part)
    found = in_company(np.concatenate([crowd(0.0, 1_000 - few), crowd(9.0, few, deviation=0.3)]))
    assert found[-few:].all() if expected else not found[-few:].any()


def test_where_many_have_none_all_count() -> None:
    odd = 9.0 * np.random.default_rng(1).choice([-1.0, 1.0], (150, 16))
    assert in_company(np.concatenate([crowd(0.0, 850, 16), odd])).all()


@pytest.mark.parametrize("users", [[(0.3, 0.1)], [(0.3, 0.1)] * 50, [(0.0, 0.0), (1.0, 1.0)]])
def test_users_who_are_alone_or_all_alike_count(users: list[tuple[float, float]]) -> None:
    assert with_company(users) == users
