"""What a snapshot says of one user, step by step as it is defined. The slow way, and the judge of the fast one."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scaled
from services.segmentation.models.snapshots import Classes, Clusters, Knots, Linear, Snapshot, Trees


class Rfm(NamedTuple):
    """Classes from 1 to 5, the best."""

    r: int
    f: int
    m: int


Output = str | float | Rfm | None
"""A cluster's id, a score or classes; None of a user of whom nothing can be said."""


def predict(snapshot: Snapshot, features: Vector) -> Output:
    """What the snapshot says of a user with these features; for classes those are age in ms, frequency and value."""
    match snapshot.body:
        case Clusters() as clusters:
            return clusters.ids[nearest(clusters, snapshot.scale.scaled(features))] if clusters.centres else None
        case Linear(weights, intercept, curve):
            scaled = snapshot.scale.scaled(features)
            return on_curve(curve, intercept + sum(w * value for w, value in zip(weights, scaled, strict=True)))
        case Trees() as trees:
            return on_curve(trees.curve, unusual(trees, snapshot.scale.scaled(features)))
        case Classes() as classes:
            return _classes(classes, features)


def nearest(clusters: Clusters, scaled: Scaled) -> int:
    """The number of the nearest centre, of which there has to be one."""
    distances = [
        sum(abs(one - other) ** clusters.power for one, other in zip(centre, scaled, strict=True))
        for centre in clusters.centres
    ]
    return min(range(len(distances)), key=distances.__getitem__)


def unusual(trees: Trees, scaled: Scaled) -> float:
    """The mass around a user in all trees, negated: the less company, the greater."""
    return -sum(
        _mass(trees, *tree, scaled) for tree in zip(trees.features, trees.thresholds, trees.masses, strict=True)
    )


def on_curve(curve: Knots, at: float) -> float:
    """What a curve of at least one knot says of a number."""
    above = bisect_right(curve, at, key=lambda knot: knot[0])
    if above in (0, len(curve)):
        return curve[min(above, len(curve) - 1)][1]
    (left, low), (right, high) = curve[above - 1], curve[above]
    return min(low + (high - low) * (at - left) / (right - left), high)


def _mass(
    trees: Trees, features: Sequence[int], thresholds: Sequence[float], masses: Sequence[float], scaled: Scaled
) -> float:
    node, total = 0, 0.0
    for depth in range(trees.height):
        total += masses[node] * 2.0**depth
        if masses[node] < trees.size_limit:
            return total
        node = 2 * node + 1 + (scaled[features[node]] >= thresholds[node])
    return total + masses[node] * 2.0**trees.height


def _classes(classes: Classes, features: Vector) -> Rfm | None:
    age_ms, frequency, value = features
    if age_ms is None or frequency is None or value is None:
        return None
    return Rfm(
        5 - bisect_right(classes.recency_ms, age_ms),
        1 + bisect_right(classes.frequency, frequency),
        1 + bisect_right(classes.value, value),
    )
