"""Look-alikes: who is like the seed segment comes first, and scores are parts of the population."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import mul
from random import Random

import pytest

from services.segmentation.models.definition import LookalikeModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Linear, Snapshot
from services.segmentation.training.opening import begin
from tests.segmentation.training.crowds import TERMS, latest

MODEL = LookalikeModel(kind="lookalike", name="l", features=TERMS, seed="customers", warm_up=1_000, publish_every=1_000)


def people(count: int, *, seed: int = 1, rare: float = 0.05) -> Iterator[Sample]:
    """Each once. Those of the seed segment are further along the first feature, and not so far along the second."""
    chance = Random(seed)
    for user in range(count):
        is_seed = chance.random() < rare
        features = (chance.gauss(2.0 * is_seed, 1.0), chance.gauss(-0.5 * is_seed, 1.0), chance.gauss(0.0, 1.0))
        yield Sample(user, user * 1_000, features, is_seed)


def trained(stream: Iterable[Sample]) -> Snapshot:
    return latest(begin("m", MODEL, [*TERMS]), stream)


def score(snapshot: Snapshot, each: Sample) -> float:
    found = predict(snapshot, each.features)
    assert isinstance(found, float)
    return found


def best(snapshot: Snapshot, others: Iterable[Sample], part: float = 0.05) -> tuple[float, float]:
    """What part of these is chosen by "the 5 % most alike", and how much more of them are of the seed than of all."""
    others = [*others]
    chosen = [each for each in others if score(snapshot, each) >= 1 - part]
    rate = sum(each.label is True for each in others) / len(others)
    return len(chosen) / len(others), sum(each.label is True for each in chosen) / len(chosen) / rate


@pytest.mark.parametrize("rare", [0.3, 0.05, 0.005])
def test_the_most_alike_in_twenty_are_as_many_and_mostly_of_the_seed(rare: float) -> None:
    part, lift = best(trained(people(6_000, rare=rare)), people(20_000, seed=2, rare=rare))
    assert part == pytest.approx(0.05, abs=0.012)
    assert lift > {0.3: 2.9, 0.05: 7.0, 0.005: 9.5}[rare]


def test_a_feature_without_meaning_weighs_little() -> None:
    body = trained(people(6_000)).body
    assert isinstance(body, Linear)
    first, second, third = body.weights
    assert first > 1.2
    assert second < -0.2
    assert abs(third) < 0.2


@pytest.mark.parametrize("rare", [0.5, 0.05, 0.01])
def test_both_labels_count_alike_however_rare_the_seed_is(rare: float) -> None:
    """Who is halfway between the others and the seed is as much like the one as like the other."""
    snapshot = trained(people(6_000, rare=rare))
    body = snapshot.body
    assert isinstance(body, Linear)
    halfway = snapshot.scale.scaled((1.0, -0.25, 0.0))
    assert abs(body.intercept + sum(map(mul, body.weights, halfway))) < 0.7


@pytest.mark.parametrize("label", [False, True])
def test_where_there_is_but_one_label_everybody_is_in_the_middle(label: bool) -> None:
    snapshot = trained(replace(each, label=label) for each in people(1_000))
    assert {score(snapshot, each) for each in people(100)} == {0.5}


def test_the_first_snapshot_is_of_what_the_warm_up_saw() -> None:
    snapshot = trained(people(1_000))
    assert snapshot.version == 1
    assert best(snapshot, people(10_000, seed=2))[1] > 6.0


def test_a_poisoned_user_changes_little() -> None:
    clean = [*people(3_000)]
    poisoned = [*clean]
    for number in range(20):
        poisoned.insert(100 * number, Sample(10**6, clean[100 * number].at_ms, (-25.0, 25.0, 25.0), label=True))
    _, lift = best(trained(poisoned), people(20_000, seed=2))
    assert lift > 0.9 * best(trained(clean), people(20_000, seed=2))[1]


def test_when_the_seed_falls_silent_it_is_not_forgotten() -> None:
    silent = [replace(each, user=10**5 + each.user) for each in people(6_000, seed=3) if not each.label]
    _, lift = best(trained([*people(3_000), *silent]), people(20_000, seed=2))
    assert lift > 7.0
