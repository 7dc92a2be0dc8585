"""What clusterers keep to beside what every estimator does: groups are found, and River says the same."""

import copy
import math
from collections import Counter
from itertools import permutations
from random import Random
from typing import Any

import pytest
from river import cluster

from services.segmentation.models.definition import Parameter
from services.segmentation.models.prediction import nearest
from services.segmentation.models.scaling import Scaled
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training.river import clusterers, starts
from services.segmentation.training.river.clusterers import Clusterer
from tests.segmentation.training.conformance.estimators import CLUSTERERS, GROUPS, Estimator, noise, planted, users

FIRST_CLASS = [estimator for estimator in CLUSTERERS if estimator.name != "STREAMKMeans"]


def _partition(model: Clusterer, asked: list[Scaled]) -> list[int]:
    clusters = Clusters(model.centres(), ids=("",) * len(model.centres()), power=model.power)
    return [nearest(clusters, user) for user in asked]


def _agree(found: list[int], groups: list[int]) -> float:
    """The part of the users who are where most of their cluster are, and where most of their group are."""
    pairs = Counter(zip(found, groups, strict=True))
    by_cluster = sum(max(n for (c, _), n in pairs.items() if c == one) for one in set(found))
    by_group = sum(max(n for (_, g), n in pairs.items() if g == one) for one in set(groups))
    return min(by_cluster, by_group) / len(groups)


@pytest.mark.parametrize(
    ("name", "parameters"), [("KMeans", {"n_clusters": GROUPS}), ("DBSTREAM", {}), ("DenStream", {})]
)
def test_planted_groups_are_found(name: str, parameters: dict[str, Parameter]) -> None:
    """With no radius given."""
    stream = planted(1_500)
    model = clusterers.start(name, parameters, [user for _, user in stream[:500]])
    for _, user in stream[500:]:
        model.learn(user)
    groups, asked = zip(*planted(400, 10), strict=True)
    assert _agree(_partition(model, list(asked)), list(groups)) > 0.97


@pytest.mark.parametrize("estimator", FIRST_CLASS, ids=str)
def test_another_order_finds_the_same_groups(estimator: Estimator) -> None:
    stream, asked = users(1_500), users(300, seed=9)
    shuffled = Random(5).sample(stream, len(stream))
    found = [
        _partition(estimator.goes_on(estimator.taught(order[:500]), order[500:]), asked) for order in (stream, shuffled)
    ]
    assert _agree(*found) > 0.97


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_another_seed_finds_the_same_groups(seed: int) -> None:
    model = clusterers.start("KMeans", {"n_clusters": GROUPS, "seed": seed}, users(500))
    groups, asked = zip(*planted(300, 7), strict=True)
    assert _agree(_partition(model, list(asked)), list(groups)) > 0.99


@pytest.mark.parametrize("estimator", CLUSTERERS, ids=str)
@pytest.mark.parametrize("later", [users(400, seed=3), noise(400)], ids=["groups", "noise"])
def test_the_nearest_centre_is_what_river_predicts(estimator: Estimator, later: list[Scaled]) -> None:
    model = estimator.goes_on(estimator.taught(users(300)), later)
    asked = users(30, seed=4) + noise(30, seed=5)
    assert _partition(model, asked) == [_river_says(model, user) for user in asked]


def _river_says(model: Any, user: Scaled) -> int:
    """Each time of a fresh copy, since asking changes some of River's clusterers."""
    river = copy.deepcopy(model._river)
    label = river.predict_one(dict(enumerate(user)))
    return list(river.centers).index(label)


def test_kmeans_learns_as_river_does_from_the_same_centres() -> None:
    model = clusterers.start("KMeans", {"n_clusters": GROUPS, "halflife": 0.1}, users(300))
    river = cluster.KMeans(n_clusters=GROUPS, halflife=0.1, seed=1)
    for number, centre in enumerate(model.centres()):
        river.centers[number].update(enumerate(centre))
    for user in users(500, seed=2):
        model.learn(user)
        river.learn_one(dict(enumerate(user)))
    assert model.centres() == tuple(tuple(centre[f] for f in range(len(centre))) for centre in river.centers.values())


def test_dbstream_learns_as_river_does_with_the_same_radius() -> None:
    stream = users(300) + noise(50) + users(500, seed=2)
    model = clusterers.start("DBSTREAM", {"clustering_threshold": 2.0}, stream[:300])
    river = cluster.DBSTREAM(clustering_threshold=2.0)
    for user in stream[300:]:
        model.learn(user)
    for user in stream:
        river.learn_one(dict(enumerate(user)))
    assert model.centres() == tuple(tuple(centre[f] for f in range(len(centre))) for centre in river.centers.values())


def test_dbstream_forgets_what_small_clusters_shared_that_are_gone() -> None:
    """River does not; once it does, what we do about it can go."""
    stream = users(1_500)
    state = clusterers.start("DBSTREAM", {"clustering_threshold": 0.8, "cleanup_interval": 50}, stream).state()
    alive = {number for number, *_ in state["small"]}
    assert {number for one, other, *_ in state["shared"] for number in (one, other)} <= alive
    river = cluster.DBSTREAM(clustering_threshold=0.8, cleanup_interval=50)
    for user in stream:
        river.learn_one(dict(enumerate(user)))
    assert {number for one, row in river.s.items() for number in (one, *row)} - set(river.micro_clusters)


def test_kmeans_sets_a_centre_anew_that_was_left_behind() -> None:
    """Three groups of which one goes away and another comes: two centres cannot be without the third."""
    before = [user for group, user in planted(600) if group < 3]
    after = [user for group, user in planted(600, seed=2) if group > 0]
    model = clusterers.start("KMeans", {"n_clusters": 3}, before)
    for user in after:
        model.learn(user)
    left_behind = _partition(model, after)
    model.renew(after)
    assert len(set(_partition(model, after))) == 3 >= len(set(left_behind))
    renewed = model.centres()
    model.renew(users(600, seed=3)[:300])
    assert starts.inertia(after, renewed, 2.0) <= 1.1 * starts.inertia(after, starts.centres(after, 3, 1), 2.0)


def test_centres_that_serve_well_come_to_rest_each_in_its_own_group() -> None:
    rows = users(500, seed=2)
    model = clusterers.start("KMeans", {"n_clusters": GROUPS}, users(500))
    before = model.centres()
    model.renew(rows)
    rested = model.centres()
    assert all(math.dist(one, other) < 0.3 for one, other in zip(before, rested, strict=True))
    model.renew(rows)
    assert model.centres() == rested
    for user in users(2_000, seed=3):
        model.learn(user)
    assert model.centres() != rested
    model.renew(rows)
    assert all(math.dist(one, other) < 1e-9 for one, other in zip(model.centres(), rested, strict=True))


def test_a_group_that_comes_later_gets_a_cluster_of_its_own() -> None:
    for name, radius in (("DBSTREAM", "clustering_threshold"), ("DenStream", "epsilon")):
        known = [user for group, user in planted(600) if group < 3]
        new = [user for group, user in planted(2_000, seed=2) if group > 0]
        model = clusterers.start(name, {radius: 2.0}, known)
        for user in new:
            model.learn(user)
        groups, asked = zip(*[(group, user) for group, user in planted(300, 3) if group > 0], strict=True)
        assert _agree(_partition(model, list(asked)), list(groups)) > 0.97, name


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_centres_that_are_a_little_off_find_back_each_to_its_own(order: tuple[int, ...]) -> None:
    """A noise is no reason to give them to others: whoever has the name of one would be another."""
    groups = [(0.0, 0.0), (3.0, 0.0), (0.0, 3.0)]
    chance = Random(1)
    rows = [tuple(chance.gauss(at, 0.2) for at in groups[number % 3]) for number in range(600)]
    off = [(groups[number][0] + 0.4, groups[number][1] - 0.4) for number in order]
    model = clusterers.restore("KMeans", {"n_clusters": 3}, {"centres": off})
    model.renew(rows)
    for number, centre in zip(order, model.centres(), strict=True):
        assert math.dist(groups[number], centre) < 0.1
