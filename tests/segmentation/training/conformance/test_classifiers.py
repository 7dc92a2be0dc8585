"""What the classifier keeps to beside what every estimator does."""

import math

import pytest
from river import linear_model, optim

from services.segmentation.models.definition import Parameter
from services.segmentation.training.river import classifiers
from tests.segmentation.training.conformance.estimators import DIMENSIONS, label_of, users

STREAM = users(600)


def test_it_learns_as_river_does() -> None:
    model = classifiers.start("LogisticRegression", {"optimizer": "SGD", "lr": 0.05, "l2": 0.001}, DIMENSIONS)
    river = linear_model.LogisticRegression(optim.SGD(0.05), l2=0.001)
    for user in STREAM:
        model.learn(user, label_of(user), 2.0)
        river.learn_one(dict(enumerate(user)), label_of(user), 2.0)
    assert dict(enumerate(model.weights)) == river.weights
    for user in users(50, seed=2):
        likely = river.predict_proba_one(dict(enumerate(user)))[True]
        assert model.raw(user) == pytest.approx(math.log(likely / (1 - likely)), abs=1e-9)


def test_the_sum_is_that_of_weights_and_intercept() -> None:
    model = classifiers.start("LogisticRegression", {"intercept_init": -2.0}, 2)
    assert (model.weights, model.intercept, model.raw((3.0, 4.0))) == ((0.0, 0.0), -2.0, -2.0)


def test_it_tells_the_label() -> None:
    model = classifiers.start("LogisticRegression", {}, DIMENSIONS)
    for user in STREAM:
        model.learn(user, label_of(user))
    asked = users(300, seed=2)
    assert sum((model.raw(user) > 0) == label_of(user) for user in asked) > 0.95 * len(asked)


def test_a_sample_that_weighs_twice_goes_twice_as_far() -> None:
    one, two = (classifiers.start("LogisticRegression", {"optimizer": "SGD"}, 1) for _ in range(2))
    one.learn((1.0,), True)
    two.learn((1.0,), True, weight=2.0)
    assert two.weights[0] == 2 * one.weights[0] > 0


@pytest.mark.parametrize("optimizer", ["AdaGrad", "SGD"])
@pytest.mark.parametrize("parameters", [{"lr": 1.0, "l2": 1.0}, {"lr": 1.0, "l1": 1.0}, {"intercept_lr": 1.0}])
def test_whatever_may_be_set_its_numbers_stay_finite(parameters: dict[str, Parameter], optimizer: str) -> None:
    model = classifiers.start("LogisticRegression", {**parameters, "optimizer": optimizer}, 64)
    for turn in range(3_000):
        model.learn(((-5.0, 5.0)[turn % 2],) * 64, turn % 3 == 0, weight=100.0)
    assert all(abs(weight) < 1e6 for weight in (*model.weights, model.intercept))
