"""The same questions asked of recordings, where nobody knows the truth but what came true later."""

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from services.segmentation.models.definition import LookalikeModel, PropensityModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Sample, Vector
from services.segmentation.rules.durations import parse_duration
from tests.quality import batch
from tests.quality.figures import table
from tests.quality.folding import Folding
from tests.quality.judging import features_of
from tests.quality.measures import ari
from tests.quality.prequential import Course, Judged, follow, outcomes_within
from tests.quality.recordings import CLUSTERINGS, LOOKALIKES, PROPENSITIES, Trial, hillstrom, online_shoppers
from tests.quality.scores import HEAD
from tests.quality.visits import model, train


def propensity(trial: Trial) -> Judged:
    definition = PropensityModel(
        kind="propensity",
        name=trial.name,
        features=trial.features,
        within=trial.within,
        grace=trial.grace,
        sample_every=trial.sample_every,
        warm_up=trial.warm_up,
        publish_every=trial.publish_every,
    )
    folding = Folding(trial.features, outcome="purchase", sample_every=trial.sample_every)
    stream = list(folding.told(trial.recording.events()))
    return follow(definition, stream).judged(outcomes_within(stream, parse_duration(trial.within)))


def lookalike(trial: Trial) -> Judged:
    definition = LookalikeModel(
        kind="lookalike",
        name=trial.name,
        seed="seed",
        features=trial.features,
        sample_every=trial.sample_every,
        warm_up=trial.warm_up,
        publish_every=trial.publish_every,
    )
    folding = Folding(trial.features, {"seed": trial.rule}, "seed", sample_every=trial.sample_every)
    return _by_labels(follow(definition, list(folding.told(trial.recording.events()))))


def labelled(samples: Sequence[Sample]) -> Judged:
    """A set that has no events."""
    features = features_of(len(samples[0].features))
    definition = LookalikeModel(kind="lookalike", name="labelled", seed="seed", features=features)
    return _by_labels(follow(definition, samples))


def _by_labels(course: Course) -> Judged:
    return course.judged([each.sample.label for each in course.scored])


def clustering(trial: Trial, estimator: str) -> tuple[float, float, float, int]:
    """Silhouettes of ours and of batch k-means, how alike both are, and how many clusters there are of ours."""
    folding = Folding(trial.features, sample_every=trial.sample_every, looks_back=True)
    definition = model(trial.clusters, trial.features, estimator, sample_every=trial.sample_every)
    last = train(definition, folding.told(trial.recording.events()))[-1]
    vectors = list(folding.newest.values())
    ours = [str(predict(last, vector)) for vector in vectors]
    theirs = batch.kmeans(vectors, trial.clusters)
    return silhouette(vectors, ours), silhouette(vectors, theirs), ari(theirs, ours), len(set(ours))


def silhouette(rows: Sequence[Vector], labels: Sequence[object]) -> float:
    points = StandardScaler().fit_transform(batch.filled(rows))
    if len(set(labels)) < 2:
        return float("nan")
    return float(
        silhouette_score(
            points, np.unique([str(each) for each in labels], return_inverse=True)[1], sample_size=3_000, random_state=0
        )
    )


def report(estimators: Sequence[str]) -> Iterator[str]:
    rows: list[list[object]] = [[trial.name, *_shown(propensity(trial))] for trial in PROPENSITIES]
    yield table(["Propensity", "base", *HEAD], rows)
    rows = [[trial.name, *_shown(lookalike(trial))] for trial in LOOKALIKES]
    rows.append(["Online Shoppers: like sessions that end in a purchase", *_shown(labelled(list(online_shoppers())))])
    rows.append(["Hillstrom: like customers who came", *_shown(labelled(list(hillstrom())))])
    yield table(["Look-alikes", "base", *HEAD[:-1]], [row[:-1] for row in rows])
    rows = [[f"{trial.name}, {name}", *clustering(trial, name)] for trial in CLUSTERINGS for name in estimators]
    yield table(["Clusters", "silhouette", "batch k-means", "ARI of both", "clusters"], rows)


def _shown(judged: Judged) -> list[float]:
    return [judged.base, *judged.ours, *judged.logistic, *judged.boosted, judged.error]
