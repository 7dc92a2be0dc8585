"""A snapshot made ready to be asked for many users: it says exactly what `prediction.predict` says, only sooner."""

import math
from collections.abc import Callable, Sequence
from operator import mul

from services.segmentation.models.forest import unusual_by_walk
from services.segmentation.models.prediction import Output, nearest, on_curve, predict
from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import LIMIT, Scale
from services.segmentation.models.snapshots import Clusters, Linear, Snapshot, Trees

Predictor = Callable[[Vector], Output]

_CLEAR = 1 - 1e-9
"""By so much the nearest centre has to be nearer than the next: much more than what is lost by rounding."""


def predictor(snapshot: Snapshot) -> Predictor:
    """Of features that are numbers or None."""
    match snapshot.body:
        case Clusters(centres, _, 2.0) as clusters if len(centres) > 1:
            return _by_distance(snapshot.scale, clusters)
        case Linear() as linear:
            return _by_weights(snapshot.scale, linear)
        case Trees() as trees:
            return _by_company(snapshot.scale, trees)
    return lambda features: predict(snapshot, features)


def _by_distance(scale: Scale, clusters: Clusters) -> Predictor:
    scaled, ids, centres = _scaled(scale), clusters.ids, clusters.centres

    def find(features: Vector) -> Output:
        point = scaled(features)
        distances = [math.dist(point, centre) for centre in centres]
        least, next_least = sorted(distances)[:2]
        if least < next_least * _CLEAR:
            return ids[distances.index(least)]
        return ids[nearest(clusters, tuple(point))]

    return find


def _by_weights(scale: Scale, linear: Linear) -> Predictor:
    scaled, weights, intercept, curve = _scaled(scale), linear.weights, linear.intercept, linear.curve
    return lambda features: on_curve(curve, intercept + sum(map(mul, weights, scaled(features))))


def _by_company(scale: Scale, trees: Trees) -> Predictor:
    scaled, unusual, curve = _scaled(scale), unusual_by_walk(trees), trees.curve
    return lambda features: on_curve(curve, unusual(scaled(features)))


def _scaled(scale: Scale) -> Callable[[Vector], Sequence[float]]:
    units = list(zip(scale.means, scale.deviations, strict=True))

    def find(features: Vector) -> Sequence[float]:
        return [
            0.0
            if value is None
            else size
            if -LIMIT <= (size := (value - mean) / deviation) <= LIMIT
            else 0.0
            if math.isnan(size)
            else math.copysign(LIMIT, size)
            for value, (mean, deviation) in zip(features, units, strict=True)
        ]

    return find
