"""The whole way: visitors of planted groups, from the events of a shop to the cluster that each is in at the end."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from services.segmentation.models.definition import ClusterModel, LookalikeModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training import opening
from tests.quality import batch
from tests.quality.figures import table
from tests.quality.folding import Folding
from tests.quality.measures import ari, purity
from tests.quality.shop import Row, Shop, personas, usual_features


class Visited(NamedTuple):
    ari: float
    batch: float
    purity: float
    clusters: int
    snapshots: list[Snapshot]


def shop(groups: int, seed: int, users: int = 1_500, days: int = 30, contrast: float = 3.0) -> Shop:
    chance = np.random.default_rng(seed)
    return Shop(personas(groups, chance, contrast), [users // groups] * groups, days, seed=seed)


def model(groups: int, features: Mapping[str, str], estimator: str = "KMeans", **more: Any) -> ClusterModel:
    parameters = {"n_clusters": groups} if estimator == "KMeans" else {}
    return ClusterModel(
        kind="cluster", name="visitors", estimator=estimator, parameters=parameters, features=dict(features), **more
    )


def train(definition: ClusterModel | LookalikeModel, told: Iterator[Any]) -> list[Snapshot]:
    training = opening.begin("m", definition, tuple(definition.features))
    snapshots = []
    for each in told:
        training.learn(each)
        if training.is_due:
            snapshots.append(training.publish())
    snapshots.append(training.publish() or training.publish(early=True))
    return [each for each in snapshots if each is not None]


def visited(of: Shop, definition: ClusterModel, rows: Sequence[Row] | None = None) -> Visited:
    folding = Folding(definition.features, sample_every=definition.sample_every, looks_back=True)
    snapshots = train(definition, folding.told(of.events() if rows is None else rows))
    users = sorted(of.groups.keys() & folding.newest.keys())
    truth, vectors = [of.groups[user] for user in users], [folding.newest[user] for user in users]
    found = [str(predict(snapshots[-1], vector)) for vector in vectors]
    peer = batch.kmeans(vectors, len(set(truth)))
    return Visited(ari(truth, found), ari(truth, peer), purity(truth, found), len(set(found)), snapshots)


def report(estimators: Sequence[str], seeds: int) -> Iterator[str]:
    rows = []
    for groups in (3, 5, 8):
        row: list[object] = [f"{groups} groups of visitors"]
        for estimator in estimators:
            each = [visited(shop(groups, s), model(groups, usual_features(), estimator)) for s in range(seeds)]
            row += [float(np.median([one.ari for one in each])), min(one.ari for one in each)]
            peers = float(np.median([one.batch for one in each]))
        rows.append([*row, peers])
    head = ["A month of a shop", *(f"{name} {what}" for name in estimators for what in ("ARI", "least"))]
    yield table([*head, "batch k-means ARI"], rows)


def lookalike_of(of: Shop, definition: LookalikeModel, seed_rule: str) -> tuple[Snapshot, dict[str, float], Folding]:
    """What each visitor's score is at the end."""
    folding = Folding(definition.features, {definition.seed: seed_rule}, seed=definition.seed, looks_back=True)
    last = train(definition, folding.told(of.events()))[-1]
    scores = {user: predict(last, vector) for user, vector in folding.newest.items()}
    return last, {user: score for user, score in scores.items() if isinstance(score, float)}, folding


def samples_of(of: Shop, features: Mapping[str, str]) -> list[Sample]:
    return [each for each in Folding(features).told(of.events()) if isinstance(each, Sample)]
