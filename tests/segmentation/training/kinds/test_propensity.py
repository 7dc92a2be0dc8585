"""Propensity: a score is a probability that holds for users it never saw."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from math import exp
from random import Random

import pytest

from services.segmentation.models.definition import PropensityModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Outcome, Sample, Told, Vector
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.kinds.propensity import HELD_OUT, is_held_out
from services.segmentation.training.opening import begin
from services.segmentation.training.port import Training
from tests.segmentation.training.crowds import TERMS, latest

MODEL = PropensityModel(
    kind="propensity", name="p", features=TERMS, within="2h", grace="1m", warm_up=1_000, publish_every=1_000
)
MINUTE_MS = 60_000


def chance_of(features: Vector) -> float:
    first, second, _ = features
    return 1 / (1 + exp(3.5 - (first or 0.0) - 0.5 * (second or 0.0)))


def always(_: int) -> float:
    return 1.0


def visits(
    count: int, *, seed: int = 1, times: Callable[[int], float] = always, every_ms: int = MINUTE_MS
) -> Iterator[Told]:
    """Users, each sampled once, who do it within an hour so many `times` as often as `chance_of` says."""
    chance = Random(seed)
    stream: list[Told] = []
    for user in range(count):
        features = (chance.gauss(0.0, 1.2), chance.gauss(0.0, 1.0), chance.gauss(0.0, 1.0))
        stream.append(Sample(user, user * every_ms, features))
        if chance.random() < chance_of(features) * times(user):
            stream.append(Outcome(user, user * every_ms + chance.randrange(1, 60 * MINUTE_MS)))
    return iter(sorted(stream, key=lambda told: told.at_ms))


def trained(stream: Iterable[Told], training: Training | None = None) -> Snapshot:
    return latest(training or begin("m", MODEL, [*TERMS]), stream)


def score(snapshot: Snapshot, features: Vector) -> float:
    found = predict(snapshot, features)
    assert isinstance(found, float)
    return found


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return trained(visits(15_000))


def test_a_score_is_how_often_it_happens(snapshot: Snapshot) -> None:
    others = [told.features for told in visits(10_000, seed=2) if isinstance(told, Sample)]
    found = sorted((score(snapshot, features), chance_of(features)) for features in others)
    for tenth, pairs in groupby(enumerate(found), lambda numbered: numbered[0] * 10 // len(found)):
        both = [pair for _, pair in pairs]
        said, true = (sum(column) / len(both) for column in zip(*both, strict=True))
        assert said == pytest.approx(true, abs=0.02 + 0.15 * true), tenth


def test_who_does_it_most_comes_first(snapshot: Snapshot) -> None:
    others = [told.features for told in visits(10_000, seed=2) if isinstance(told, Sample)]
    by_score = sorted(others, key=lambda features: score(snapshot, features))
    truly = sorted(map(chance_of, others))
    found = sum(map(chance_of, by_score[-500:]))
    assert found > 0.97 * sum(truly[-500:])


def said_and_true(snapshot: Snapshot) -> tuple[float, float]:
    """The mean of scores, and of the chances at ordinary times."""
    others = [told.features for told in visits(4_000, seed=2) if isinstance(told, Sample)]
    said, true = (sum(map(tell, others)) / len(others) for tell in (partial(score, snapshot), chance_of))
    return said, true


def test_after_calm_days_that_each_week_has_the_rate_is_that_of_a_week() -> None:
    a_day = 24 * 60
    weeks = visits(14 * a_day, times=lambda user: 0.2 if user // a_day % 7 >= 5 else 1.0)
    said, true = said_and_true(trained(weeks))
    assert said == pytest.approx(true * (5 + 2 * 0.2) / 7, rel=0.15)


@pytest.mark.parametrize("from_half", [0.3, 2.0])
def test_when_rates_change_for_all_probabilities_follow_sooner_than_what_is_held_out(from_half: float) -> None:
    """Four weeks ago, on a site on which a sample is taken every ten minutes."""
    changed = visits(8_000, times=lambda user: from_half if user > 4_000 else 1.0, every_ms=10 * MINUTE_MS)
    said, true = said_and_true(trained(changed))
    assert abs(said - from_half * true) < 0.35 * abs(true - from_half * true)


def test_only_what_is_decided_is_learned() -> None:
    training = begin("m", MODEL, [*TERMS])
    for each in [told for told in visits(1_110) if isinstance(told, Sample)]:
        training.learn(each)
    assert training.samples == 1_110
    assert not training.is_due
    assert training.publish() is None
    snapshot = training.publish(early=True)
    assert snapshot is not None
    assert snapshot.samples == 1_110 - 2 * 60 - 2


def test_where_nobody_does_it_the_chance_is_nought() -> None:
    snapshot = trained(told for told in visits(1_500) if isinstance(told, Sample))
    assert score(snapshot, (9.0, 9.0, 9.0)) == 0


def test_one_user_in_five_is_held_out_and_as_many_are_kept_as_is_said() -> None:
    assert sum(map(is_held_out, range(10_000))) == pytest.approx(2_000, abs=100)
    training = begin("m", MODEL, [*TERMS])
    trained(visits(5_500), training)
    learner = training.state()["course"]["learner"]
    held_out = learner["held_out"]["rows"]
    learned = [user for label in learner["balanced"]["examples"]["waiting"] for user, _ in label]
    assert learned
    assert not any(map(is_held_out, learned))
    assert all(is_held_out(user) for user, *_ in held_out)
    assert len(held_out) == pytest.approx(1_100, abs=60)
    assert len(held_out) <= HELD_OUT.most
