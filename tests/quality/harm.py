"""What must change nothing: a poisoned value, a bot, a trainer that is killed."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.samples import Sample, Vector
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training import opening
from services.segmentation.training.port import Training
from tests.quality.judging import answers, watch
from tests.quality.measures import kept
from tests.quality.planted import LIMIT, Planted, Told

POISONER = 666
"""Whose group is -1."""


def poisoned(stream: Iterable[Told], part: float = 0.02, users: int = 1, seed: int = 1) -> Iterator[Told]:
    """Among the samples, some of users who are nothing but extremes, or nothing at all."""
    chance = np.random.default_rng(seed)
    for told in stream:
        yield told
        if chance.random() < part:
            size = len(told.sample.features)
            user = POISONER + int(chance.integers(users))
            yield Told(Sample(user, told.sample.at_ms, _extremes(size, chance)), -1, told.part)


def with_odd(stream: Iterable[Sample], part: float, users: int, seed: int = 1) -> Iterator[Sample]:
    """The same for samples with labels; no odd user is in the seed segment."""
    chance = np.random.default_rng(seed)
    for sample in stream:
        yield sample
        if chance.random() < part:
            extremes = _extremes(len(sample.features), chance)
            yield Sample(10**9 + int(chance.integers(users)), sample.at_ms, extremes, label=False)


def _extremes(size: int, chance: np.random.Generator) -> Vector:
    sort = chance.integers(4)
    if sort == 0:
        return (None,) * size
    if sort == 1:
        return (LIMIT,) * size
    return tuple(float(value) for value in LIMIT * chance.choice([-1.0, 1.0], size))


def agreement(definition: ClusterModel, clean: Planted, harmed: Iterable[Told]) -> float:
    """The part of the users of `clean` whose id is the same in a model that was told the other stream."""
    ours, theirs = watch(definition, clean), watch(definition, harmed)
    asked = list(ours.newest.values())
    return kept(answers(ours.last, asked), answers(theirs.last, asked))


def killed(definition: ClusterModel, stream: Sequence[Told], at: Sequence[int]) -> list[Snapshot | None]:
    """The snapshots of a trainer that is killed after some of the samples, and goes on from its state as JSON."""
    training: Training = opening.begin("m", definition, tuple(definition.features))
    snapshots = []
    for number, told in enumerate(stream):
        training.learn(told.sample)
        if training.is_due:
            snapshots.append(training.publish())
        if number in at:
            training = opening.resume("m", definition, json.loads(json.dumps(training.state())))
    return [*snapshots, training.publish()]
