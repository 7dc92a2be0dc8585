import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from services.segmentation.training.geometry.distances import Matrix, nearest_of
from services.segmentation.training.geometry.silhouettes import silhouettes


def crowd(*groups: tuple[float, int]) -> Matrix:
    """Users around places on the diagonal, so many at each."""
    chance = np.random.default_rng(7)
    return np.concatenate([chance.normal(at, 1.0, (count, 2)) for at, count in groups])


@pytest.mark.parametrize(("power", "metric"), [(2.0, "euclidean"), (1.0, "manhattan")])
def test_silhouettes_are_those_of_scikit_learn(power: float, metric: str) -> None:
    users = crowd((-3.0, 40), (0.0, 70), (3.0, 40))
    owners = nearest_of([(-3.0, -3.0), (0.0, 0.0), (3.0, 3.0)], users, power)
    judged = silhouette_samples(users, owners, metric=metric)
    told = silhouettes(users, {str(each): np.flatnonzero(owners == each) for each in range(3)}, power)
    assert list(told.values()) == pytest.approx([judged[owners == each].mean() for each in range(3)])


def test_that_of_many_is_near_that_of_all_however_the_crowd_changes_in_time() -> None:
    users = np.concatenate([crowd((-2.0, 700), (2.0, 400)), crowd((-1.0, 900))])
    owners = (users[:, 0] > 0).astype(np.intp)
    judged = silhouette_samples(users, owners)
    told = silhouettes(users, {str(each): np.flatnonzero(owners == each) for each in (0, 1)}, 2.0)
    assert list(told.values()) == pytest.approx([judged[owners == each].mean() for each in (0, 1)], abs=0.03)


def test_who_is_alone_is_neither_near_nor_far() -> None:
    users = np.array([[-2.0, 0.0], [-1.9, 0.0], [2.0, 0.0]])
    assert silhouettes(users, {"c1": np.array([0, 1]), "c2": np.array([2])}, 2.0)["c2"] == 0


def test_where_all_are_alike_nobody_is_nearer() -> None:
    assert set(silhouettes(np.zeros((6, 2)), {"c1": np.arange(3), "c2": np.arange(3, 6)}, 2.0).values()) == {0.0}


def test_a_cluster_without_users_has_none_and_a_single_one_neither() -> None:
    users, nobody = crowd((-3.0, 5), (3.0, 5)), np.arange(0)
    told = silhouettes(users, {"c1": np.arange(5), "c2": nobody, "c3": np.arange(5, 10)}, 2.0)
    assert [each is None for each in told.values()] == [False, True, False]
    assert silhouettes(users, {"c1": np.arange(10), "c2": nobody}, 2.0) == {"c1": None, "c2": None}
