"""Anomalies: who is unlike all others is told apart, and scores are parts of the population."""

from random import Random

import pytest

from services.segmentation.models.definition import AnomalyModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.opening import begin
from tests.segmentation.training.crowds import TERMS, latest, samples

MODEL = AnomalyModel(kind="anomaly", name="a", features=TERMS, warm_up=500, publish_every=500)


def trained(stream: list[Sample]) -> Snapshot:
    return latest(begin("m", MODEL, [*TERMS]), stream)


def score(snapshot: Snapshot, features: tuple[float | None, ...]) -> float:
    found = predict(snapshot, features)
    assert isinstance(found, float)
    return found


def test_bots_are_more_unusual_than_nearly_everybody() -> None:
    snapshot = trained([*samples(2_000)])
    chance = Random(4)
    bots = [(chance.gauss(9.0, 0.3), chance.gauss(0.5, 0.1), chance.gauss(0.0, 0.1)) for _ in range(50)]
    assert sum(score(snapshot, bot) >= 0.99 for bot in bots) >= 49


def test_a_score_is_the_part_of_the_users_who_are_less_unusual() -> None:
    stream = [*samples(4_000, users=4_000)]
    snapshot = trained(stream)
    scores = [score(snapshot, each.features) for each in samples(4_000, seed=2, users=4_000)]
    for part in (0.5, 0.9, 0.95):
        assert sum(found >= part for found in scores) / len(scores) == pytest.approx(1 - part, abs=0.05)


def test_a_window_that_is_longer_than_the_warm_up_is_filled_with_it() -> None:
    long = MODEL.model_copy(update={"parameters": {"window_size": 1_200}})
    snapshot = latest(begin("m", long, [*TERMS]), [*samples(500)])
    assert snapshot.version == 1
    assert score(snapshot, (9.0, 0.5, 0.0)) > 0.95


def test_the_score_of_an_odd_user_stays() -> None:
    """By the few samples of a short window it would jump from version to version."""
    training = begin("m", MODEL, [*TERMS])
    found = []
    for each in samples(4_000, users=4_000):
        training.learn(each)
        if training.is_due and (snapshot := training.publish()) is not None:
            found.append(score(snapshot, (5.5, 0.5, 1.0)))
    assert len(found) == 8
    assert max(found) - min(found) < 0.06


def test_the_first_snapshot_is_of_what_the_warm_up_saw() -> None:
    snapshot = trained([*samples(500)])
    assert snapshot.version == 1
    assert score(snapshot, (9.0, 0.5, 0.0)) > 0.95
