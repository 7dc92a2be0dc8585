"""By how much the users of a cluster differ from all others, feature by feature."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.segmentation.models.snapshots import Trait
from services.segmentation.training.geometry.distances import Matrix, Numbers
from services.segmentation.training.telling.measures import Measure

LEAST_SPREAD = 0.1
"""Deviations within groups that are all of one kind; it bounds the effect."""
NEXT_TO_NOTHING = 1e-9
"""In the term's own unit: of this, nothing is so many times as much."""
FEW = 0.025
"""Of the users, who change nothing of what is typical, however far they are from the others."""


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

    Means and lifts are told in the feature's own unit, of a typical user: the logarithm is taken back at the end.
    Effects are of scaled features, where what is missing is like the mean.
    """
    members = groups.members[cluster]
    effects = _effects(groups.scaled, members).tolist()
    told = zip(features, groups.measured[members].T, groups.measured.T, effects, strict=True)
    return tuple(
        Trait(each.name, mean, _lift(mean, _typical(each, everywhere)), effect)
        for each, ours, everywhere, effect in told
        if (mean := _typical(each, ours)) is not None
    )


def _typical(measure: Measure, values: Matrix) -> float | None:
    """What it is for those who have it, in its own unit; None where nobody does.

    Of parts it is the mean; of ages of what some have never done the middle one, for days and never have no mean; of
    other numbers the mean, where the farthest few on either side count as those next to them, be they poison.
    """
    there = np.sort(values[~np.isnan(values)])
    if not len(there):
        return None
    if measure.may_be_never:
        return measure.plain(float(np.median(there)))
    few = 0 if measure.is_part else min(math.ceil(len(there) * FEW), (len(there) - 1) // 2)
    return measure.plain(float(there.clip(there[few], there[-few - 1]).mean()))


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


def _lift(mean: float, of_all: float | None) -> float:
    return mean / of_all if of_all is not None and of_all > NEXT_TO_NOTHING and mean >= 0 else 0.0
