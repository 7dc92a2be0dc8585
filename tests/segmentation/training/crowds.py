"""Samples of made-up users: everything about them follows from a seed."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from services.segmentation.models.definition import (
    AnomalyModel,
    ClusterModel,
    LookalikeModel,
    ModelDefinition,
    PropensityModel,
    RfmModel,
)
from services.segmentation.models.samples import Outcome, Sample, Told, Vector
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.kinds.pending import spread
from services.segmentation.training.port import Training

NAMES = ("views", "evenings", "tenure")
TERMS = {
    "views": 'count("view")',
    "evenings": 'share("view", "category", "evening", halflife="7d")',
    "tenure": "tenure()",
}
DAY_MS = 86_400_000
PLACES: Sequence[Vector] = ((1.0, 0.1, 0.5), (4.0, 0.8, 0.5), (1.5, 0.2, 4.0), (4.5, 0.2, 3.0))
"""Where groups are."""
DEFINITIONS: dict[str, ModelDefinition] = {
    "cluster": ClusterModel(
        kind="cluster", name="c", features=TERMS, warm_up=200, publish_every=250, parameters={"n_clusters": 4}
    ),
    "rfm": RfmModel(kind="rfm", name="r", warm_up=200, publish_every=250),
    "lookalike": LookalikeModel(kind="lookalike", name="l", features=TERMS, seed="s", warm_up=200, publish_every=250),
    "propensity": PropensityModel(
        kind="propensity", name="p", features=TERMS, within="4h", warm_up=200, publish_every=250
    ),
    "anomaly": AnomalyModel(
        kind="anomaly", name="a", features=TERMS, warm_up=300, publish_every=350, parameters={"n_trees": 5, "height": 5}
    ),
}


def names_of(kind: str) -> Sequence[str]:
    return ("age", "frequency", "value") if kind == "rfm" else NAMES


def group_of(user: int, groups: int = len(PLACES)) -> int:
    return spread(user) % 1_000_003 % groups


def samples(count: int, *, seed: int = 1, users: int = 500, groups: int = len(PLACES)) -> Iterator[Sample]:
    """One every minute, of users who each belong to a group; label says whether it is the second."""
    chance = Random(seed)
    for number in range(count):
        user = chance.randrange(users)
        group = group_of(user, groups)
        features = tuple(chance.gauss(place or 0.0, 0.15) for place in PLACES[group])
        yield Sample(user, number * 60_000, features, group == 1)


def told(kind: str, count: int, *, seed: int = 1, users: int = 500) -> Iterator[Told]:
    """What a training of this kind is told; in propensity the second group mostly does it, the others seldom."""
    chance = Random(seed)
    for sample in samples(count, seed=seed, users=users):
        match kind:
            case "rfm":
                yield Sample(sample.user, sample.at_ms, _purchases(chance))
            case "lookalike":
                yield sample
            case "propensity":
                yield Sample(sample.user, sample.at_ms, sample.features)
                if chance.random() < (0.3 if sample.label else 0.02):
                    yield Outcome(sample.user, sample.at_ms + 30_000)
            case _:
                yield Sample(sample.user, sample.at_ms, sample.features)


def _purchases(chance: Random) -> Vector:
    if chance.random() < 0.1:
        return (None, 0.0, 0.0)
    return (chance.randrange(100 * DAY_MS), float(chance.randint(1, 9)), chance.uniform(1.0, 500.0))


def latest(training: Training, stream: Iterable[Told]) -> Snapshot:
    """The last of the snapshots that a training makes whenever one is due."""
    snapshot = None
    for each in stream:
        training.learn(each)
        if training.is_due:
            snapshot = training.publish()
    assert snapshot is not None
    return snapshot
