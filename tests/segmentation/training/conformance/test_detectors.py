"""What the anomaly detector keeps to beside what every estimator does."""

from dataclasses import replace
from random import Random

from river import anomaly

from services.segmentation.models.prediction import unusual
from services.segmentation.models.scaling import LIMIT
from services.segmentation.models.snapshots import Trees
from services.segmentation.training.river import detectors
from tests.segmentation.training.conformance.estimators import DIMENSIONS, noise, users

SETTINGS = {"n_trees": 5, "height": 6, "window_size": 100}


def _taught(**settings: int) -> Trees:
    model = detectors.start("HalfSpaceTrees", {**SETTINGS, **settings}, DIMENSIONS)
    for user in users(550):
        model.learn(user)
    return model.trees(((0.0, 0.0), (1.0, 1.0)))


def test_the_frozen_trees_say_what_river_does() -> None:
    trees = _taught()
    river = anomaly.HalfSpaceTrees(**SETTINGS, limits=dict.fromkeys(range(DIMENSIONS), (-LIMIT, LIMIT)), seed=1)
    for user in users(550):
        river.learn_one(dict(enumerate(user)))
    most = SETTINGS["n_trees"] * SETTINGS["window_size"] * (2 ** (SETTINGS["height"] + 1) - 1)
    asked = users(100, seed=2) + noise(100) + [(LIMIT,) * DIMENSIONS, (-LIMIT,) * DIMENSIONS]
    assert [1 + unusual(trees, user) / most for user in asked] == [
        river.score_one(dict(enumerate(user))) for user in asked
    ]


def test_the_order_within_a_window_says_nothing() -> None:
    stream = users(100)
    ordered, shuffled = (detectors.start("HalfSpaceTrees", SETTINGS, DIMENSIONS) for _ in range(2))
    for user, other in zip(stream, Random(1).sample(stream, 100), strict=True):
        ordered.learn(user)
        shuffled.learn(other)
    assert ordered.trees(()) == shuffled.trees(())


def test_another_seed_makes_other_trees_and_the_same_seed_the_same() -> None:
    assert _taught(seed=2) == _taught(seed=2)
    assert _taught(seed=2).thresholds != _taught(seed=3).thresholds


def test_who_is_alone_is_more_unusual_than_those_in_groups() -> None:
    trees = _taught(n_trees=25)
    known = sorted(unusual(trees, user) for user in users(200, seed=2))
    assert unusual(trees, (-LIMIT,) * DIMENSIONS) > known[-2]


def test_nothing_is_said_before_the_first_window_is_over() -> None:
    model = detectors.start("HalfSpaceTrees", SETTINGS, DIMENSIONS)
    for user in users(99):
        model.learn(user)
    assert not any(mass for tree in model.trees(()).masses for mass in tree)
    model.learn((0.0,) * DIMENSIONS)
    assert all(tree[0] == 100 for tree in model.trees(()).masses)


def test_a_curve_is_passed_on() -> None:
    assert replace(_taught(), curve=()) == replace(_taught(), curve=())
    assert _taught().curve == ((0.0, 0.0), (1.0, 1.0))
