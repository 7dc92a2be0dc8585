"""Where River's DenStream 0.26.1 goes wrong, ours does not. Once River does not either, what we do about it can go."""

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from river import cluster
from river.cluster.denstream import DenStreamMicroCluster

from services.segmentation.models.definition import Parameter
from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.distances import nearest_of
from services.segmentation.training.river import clusterers, denstream
from tests.segmentation.training.conformance.estimators import noise

PARAMETERS: dict[str, Parameter] = {"epsilon": 1.0, "stream_speed": 1, "n_samples_init": 1}


def _small(users: int, middle: float, spread: float, edited: int = 0) -> list[Any]:
    """A small cluster on the diagonal, as a state holds it."""
    return [users, 0, edited, [users * middle] * 2, [users * (middle**2 + spread**2)] * 2]


def _state(dense: list[Any], thin: list[Any] | None = None, time: int = 0) -> clusterers.State:
    return {
        "dimensions": 2, "radius": 1.0, "mu": 2.0, "first": 1, "time": time, "seen": time + 1, "waiting": [],
        "dense": dense, "thin": thin or [],
    }  # fmt: skip


@pytest.mark.parametrize("middle", [0.0, 3.0])
def test_who_is_far_is_in_no_small_cluster_wherever_it_is(middle: float) -> None:
    model = clusterers.restore("DenStream", PARAMETERS, _state([_small(10, middle, 0.1)]))
    model.learn((middle + 4.0, middle + 4.0))
    assert [users for users, *_ in model.state()["dense"]] == [10]
    assert len(model.state()["thin"]) == 1


def test_a_radius_is_the_same_wherever_the_users_are_and_as_far_as_they_are() -> None:
    def small(kind: Any, middle: float) -> Any:
        made = kind({0: middle - 1, 1: middle}, 0, 0.25)
        made.insert({0: middle + 1, 1: middle}, 0)
        return made

    ours = [small(denstream._Small, middle).calc_radius(0) for middle in (0.0, 10.0)]
    assert ours == pytest.approx([1.0, 1.0])
    assert small(denstream._Small, 3.0).radius_with({0: 3.0, 1: 3.0}) == pytest.approx((2 / 3) ** 0.5)
    assert small(DenStreamMicroCluster, 10.0).calc_radius(0) == 0


def test_small_clusters_in_a_row_are_one_cluster() -> None:
    row = [_small(50, middle, 0.5) for middle in (0.0, 0.4, 0.8, 1.2)]
    model = clusterers.restore("DenStream", PARAMETERS, _state(row))
    (centre,) = model.centres()
    assert centre == pytest.approx((0.6, 0.6))


def test_small_clusters_that_only_touch_are_two_clusters() -> None:
    """Either reaches as far as users of many features are from their middle, and hardly anybody is in between."""
    users = _two_groups(24, 750, apart=1.5)
    model = clusterers.start("DenStream", {"epsilon": 5.0}, users[:500])
    for user in users[500:]:
        model.learn(user)
    assert sorted(Counter(_nearest(model, users)).values()) == [750, 750]


def test_groups_are_found_by_the_warm_up_where_nobody_has_many_users_near() -> None:
    users = _two_groups(24, 150, apart=3.0)
    model = clusterers.start("DenStream", {"epsilon": 4.5}, users)
    one, other = (set(_nearest(model, users[turn::2])) for turn in (0, 1))
    assert not one & other


def test_what_few_users_are_in_is_joined_with_nothing() -> None:
    """More than `mu` has to be in either; it stays a cluster of its own."""
    for few, clusters in ((2, 2), (3, 1)):
        row = [_small(few, 0.0, 0.5), _small(50, 0.4, 0.5)]
        assert len(clusterers.restore("DenStream", PARAMETERS, _state(row)).centres()) == clusters


@pytest.mark.parametrize(
    ("users", "given", "mu"),
    [(500, {}, 10.0), (1_200, {}, 20.0), (10, {}, 2.0), (10, {"beta": 0.05}, 30.0), (500, {"mu": 4.0}, 4.0)],
)
def test_how_many_users_are_dense_goes_by_the_warm_up_unless_it_is_given(
    users: int, given: dict[str, Parameter], mu: float
) -> None:
    state = clusterers.start("DenStream", {"epsilon": 3.0} | given, noise(users)).state()
    assert state["mu"] == pytest.approx(mu)
    assert clusterers.restore("DenStream", {"epsilon": 3.0} | given, state).state() == state


def test_a_small_cluster_never_takes_the_place_of_another() -> None:
    """The first dense one is forgotten, then the thin one grows dense."""
    dense = [_small(1, -4.0, 0.1), _small(5, 0.0, 0.1, 4), _small(5, 2.0, 0.1, 4)]
    model = clusterers.restore("DenStream", PARAMETERS, _state(dense, [_small(2, 5.0, 0.1, 4)], time=4))
    for middle in (2.0, 5.0, 5.0):
        model.learn((middle, middle))
    assert sorted(round(sums[0] / users) for users, _, _, sums, _ in model.state()["dense"]) == [0, 2, 5]


def test_there_are_never_more_small_clusters_than_can_be_compared() -> None:
    model = clusterers.start("DenStream", {"epsilon": 0.5, "decaying_factor": 0.01, "stream_speed": 10_000}, noise(2))
    for user in noise(denstream.MOST_SMALL + 100, seed=2):
        model.learn(user)
    assert len(model.state()["thin"]) <= denstream.MOST_SMALL


def test_asking_river_itself_changes_what_it_has_learned() -> None:
    """So it is asked on a copy."""
    river = cluster.DenStream(epsilon=1.0, n_samples_init=1, decaying_factor=0.25)
    river.initialized, river.timestamp = True, 0
    for number, middle in enumerate((0.0, 0.5)):
        small = DenStreamMicroCluster({0: middle - 0.5}, 0, 0.25)
        for _ in range(10):
            small.insert({0: middle + 0.5}, 0)
        river.p_micro_clusters[number] = small
    before = dict(river.p_micro_clusters[0].linear_sum)
    river.predict_one({0: 0.0})
    assert river.p_micro_clusters[0].linear_sum != before


def _two_groups(features: int, users: int, apart: float) -> list[Scaled]:
    """By turns; the middles are so far apart in every feature."""
    chance = Random(1)
    return [tuple(chance.gauss(middle, 1.0) for _ in range(features)) for _ in range(users) for middle in (0.0, apart)]


def _nearest(model: clusterers.Clusterer, users: list[Scaled]) -> list[int]:
    return [int(centre) for centre in nearest_of(model.centres(), np.array(users), model.power)]
