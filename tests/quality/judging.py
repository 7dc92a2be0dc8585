"""A training that is watched: told a stream as the trainer is told it, and what its snapshots say of everybody."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Vector
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training import opening
from tests.quality.planted import Told


@dataclass
class Watched:
    """What came out, and the newest sample of each user."""

    snapshots: list[Snapshot] = field(default_factory=list)
    newest: dict[int, Told] = field(default_factory=dict)
    so_far: list[dict[int, Told]] = field(default_factory=list)
    """By snapshot, the newest samples at its time."""

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    def take(self, snapshot: Snapshot | None) -> None:
        assert snapshot is not None
        self.snapshots.append(snapshot)
        self.so_far.append(dict(self.newest))


def watch(definition: ClusterModel, stream: Iterable[Told]) -> Watched:
    """Train on the whole stream; the last snapshot is of its end."""
    training = opening.begin("m", definition, tuple(definition.features))
    watched = Watched()
    for told in stream:
        training.learn(told.sample)
        watched.newest[told.sample.user] = told
        if training.is_due:
            watched.take(training.publish())
    watched.take(training.publish())
    return watched


def answers(snapshot: Snapshot, of: Sequence[Told]) -> list[str]:
    return [str(predict(snapshot, told.sample.features)) for told in of]


def cluster_model(
    dimensions: int, estimator: str = "KMeans", *, warm_up: int = 1_000, publish_every: int = 2_000, **parameters: float
) -> ClusterModel:
    """One of as many features. What they are measured by matters to nobody here."""
    return ClusterModel(
        kind="cluster",
        name="planted",
        estimator=estimator,
        parameters=parameters,
        features=features_of(dimensions),
        warm_up=warm_up,
        publish_every=publish_every,
    )


def features_of(dimensions: int) -> dict[str, str]:
    return {f"f{number}": f'count("event_{number}")' for number in range(dimensions)}


def vectors(of: Sequence[Told]) -> list[Vector]:
    return [told.sample.features for told in of]
