"""By how much the users of a cluster differ from all others, feature by feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.segmentation.models.snapshots import Trait
from services.segmentation.training.geometry.distances import Matrix, Numbers
from services.segmentation.training.telling.measures import Measure

LEAST_SPREAD = 0.1
"""Deviations within groups that are all of one kind; it bounds the effect."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Users by the cluster that they are in."""

    measured: Matrix
    """Their features, one row each; what is missing is NaN."""
    scaled: Matrix
    members: Mapping[str, Numbers]
    """The rows of each cluster, in the order of clusters."""


def traits(groups: Groups, cluster: str, features: Sequence[Measure]) -> tuple[Trait, ...]:
    """One of each feature that any of the cluster's users has, in the order of features.

    Means and lifts are told in the feature's own unit, of a typical user: the logarithm is taken back after the mean,
    so that a few huge numbers move neither. Effects are of scaled features, where what is missing is like the mean.
    """
    members = groups.members[cluster]
    means, everywhere = _means(groups.measured[members]), _means(groups.measured)
    effects = _effects(groups.scaled, members)
    return tuple(
        Trait(each.name, each.plain(mean), _lift(each.plain(mean), each.plain(of_all)), effect)
        for each, mean, of_all, effect in zip(
            features, means.tolist(), everywhere.tolist(), effects.tolist(), strict=True
        )
        if mean == mean  # noqa: PLR0124 - NaN is what nobody has
    )


def _means(measured: Matrix) -> Matrix:
    """By feature, of those who have it; NaN where nobody does."""
    present = ~np.isnan(measured)
    counts = present.sum(axis=0)
    sums = np.where(present, measured, 0.0).sum(axis=0)
    means: Matrix = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return means


def _effects(scaled: Matrix, members: Numbers) -> Matrix:
    """Cohen's d with the pooled deviation; 0 where there is nobody to compare."""
    inside = np.zeros(len(scaled), dtype=bool)
    inside[members] = True
    ours, others = scaled[inside], scaled[~inside]
    if not len(ours) or not len(others):
        return np.zeros(scaled.shape[1])
    squares = ours.var(axis=0) * len(ours) + others.var(axis=0) * len(others)
    spread = np.sqrt(squares / max(1, len(scaled) - 2))
    return np.asarray((ours.mean(axis=0) - others.mean(axis=0)) / np.maximum(spread, LEAST_SPREAD))


def _lift(mean: float, of_all: float) -> float:
    return mean / of_all if of_all > 0 and mean >= 0 else 0.0
