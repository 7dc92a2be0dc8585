"""What scikit-learn makes of the same users in batch, with its own scaling and everything before its eyes at once."""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import DBSCAN, KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from services.segmentation.models.samples import Vector
from tests.quality.planted import Floats


def kmeans(rows: Sequence[Vector], groups: int) -> list[int]:
    """Told how many groups there are."""
    return [int(label) for label in KMeans(groups, n_init=5, random_state=0).fit_predict(_scaled(filled(rows)))]


def dbscan(rows: Sequence[Vector]) -> list[int]:
    """Its radius is the usual knee: the distance to the tenth neighbour that nine users in ten have reached."""
    points = _scaled(filled(rows))
    reach, _ = NearestNeighbors(n_neighbors=10).fit(points).kneighbors(points)
    return [
        int(label) for label in DBSCAN(eps=float(np.quantile(reach[:, -1], 0.9)), min_samples=10).fit_predict(points)
    ]


def logistic(rows: Sequence[Vector], labels: Sequence[bool], asked: Sequence[Vector]) -> list[float]:
    table = filled(rows)
    scaler = StandardScaler().fit(table)
    model = LogisticRegression(max_iter=1_000, class_weight="balanced").fit(scaler.transform(table), labels)
    return [float(score) for score in model.decision_function(scaler.transform(filled(asked)))]


def boosted(rows: Sequence[Vector], labels: Sequence[bool], asked: Sequence[Vector]) -> list[float]:
    model = HistGradientBoostingClassifier(random_state=0).fit(filled(rows), labels)
    return [float(chance) for chance in model.predict_proba(filled(asked))[:, 1]]


def filled(rows: Sequence[Vector]) -> Floats:
    """What is missing is like the mean of the others."""
    table = np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=float)
    means = np.nan_to_num(np.nanmean(table, axis=0))
    return np.where(np.isnan(table), means, table)


def _scaled(table: Floats) -> Floats:
    return np.asarray(StandardScaler().fit_transform(table))
