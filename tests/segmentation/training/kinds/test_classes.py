"""RFM: five classes of as many users, and what equals and time make of them."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.definition import RfmModel
from services.segmentation.models.prediction import Rfm, predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Classes, Snapshot
from services.segmentation.training.kinds.classes import bounds, recency_bounds
from services.segmentation.training.opening import begin
from tests.segmentation.training.crowds import DAY_MS

MODEL = RfmModel(kind="rfm", name="Customers", warm_up=50, publish_every=50)
FEATURES = ("age", "frequency", "value")


def trained(told: list[Sample]) -> Snapshot:
    training = begin("rfm", MODEL, FEATURES)
    for each in told:
        training.learn(each)
    snapshot = training.publish(early=True)
    assert snapshot is not None
    return snapshot


def customers(count: int, *, at_ms: int = 0) -> list[Sample]:
    chance = Random(2)
    return [
        Sample(user, at_ms, (chance.randrange(100 * DAY_MS), float(chance.randrange(1, 1_000)), chance.random() * 900))
        for user in range(count)
    ]


def test_as_many_users_are_in_each_class() -> None:
    told = customers(1_000)
    snapshot = trained(told)
    found = [predict(snapshot, each.features) for each in told]
    classes = [each for each in found if isinstance(each, Rfm)]
    assert len(classes) == 1_000
    for column in zip(*classes, strict=True):
        assert all(195 <= size <= 205 for size in Counter(column).values())
        assert set(column) == {1, 2, 3, 4, 5}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_a_class_is_the_fifths_of_the_users_who_are_worse(values: list[int]) -> None:
    body = Classes(recency_bounds(values), bounds(values), bounds(values))
    snapshot = replace(trained(customers(60)), body=body)
    for value in values:
        found = predict(snapshot, (value, value, value))
        fewer = sum(other < value for other in values) * 5 // len(values)
        older = sum(other > value for other in values) * 5 // len(values)
        assert found == (1 + older, 1 + fewer, 1 + fewer)


def test_who_bought_once_as_most_did_is_in_the_first_class() -> None:
    assert bounds([1.0] * 80 + [2.0] * 15 + [3.0] * 5) == (2.0, 2.0, 2.0, 2.0)


def test_who_was_not_seen_again_grows_older() -> None:
    early = [Sample(user, 0, (0, 1.0, 1.0)) for user in range(100)]
    late = [Sample(user, 30 * DAY_MS, (0, 1.0, 1.0)) for user in range(100, 200)]
    body = trained([*early, *late]).body
    assert isinstance(body, Classes)
    assert body.recency_ms == (0, 0, 30 * DAY_MS, 30 * DAY_MS)


def test_users_without_the_event_are_left_out_and_in_no_class() -> None:
    nobody = [Sample(user, 0, (None, 0.0, 0.0)) for user in range(1_000, 1_500)]
    told = customers(100)
    snapshot = trained([*nobody, *told])
    assert snapshot.body == trained(told).body
    assert snapshot.samples == 100
    assert predict(snapshot, nobody[0].features) is None


def test_a_user_counts_once_however_often_he_is_seen() -> None:
    told = customers(100)
    assert trained([told[0]] * 500 + told).body == trained(told).body


def test_moves_are_between_the_three_classes_together() -> None:
    training = begin("rfm", MODEL, FEATURES)
    for each in customers(100):
        training.learn(each)
    assert training.publish() is not None
    training.learn(Sample(7, DAY_MS, (100 * DAY_MS, 1.0, 0.0)))
    training.learn(Sample(7, DAY_MS, (0, 2_000.0, 10_000.0)))
    snapshot = training.publish()
    assert snapshot is not None
    assert isinstance(snapshot.body, Classes)
    assert snapshot.body.moves == ((1, "111", "555", 1),)


@pytest.mark.parametrize("early", [False, True])
def test_without_anybody_who_bought_there_is_nothing_to_publish(early: bool) -> None:
    training = begin("rfm", MODEL, FEATURES)
    for user in range(500):
        training.learn(Sample(user, 0, (None, 0.0, 0.0)))
    assert training.samples == 500
    assert training.publish(early=early) is None
