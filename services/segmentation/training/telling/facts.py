"""What is told of a cluster: how many are in it, what sets it apart, who is typical of it. It decides nothing."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import ClusterFacts, Clusters, Trait
from services.segmentation.training.geometry.distances import Matrix, Numbers, distances, nearest_of
from services.segmentation.training.geometry.silhouettes import silhouettes
from services.segmentation.training.telling.claims import claims
from services.segmentation.training.telling.measures import Measure
from services.segmentation.training.telling.names import names
from services.segmentation.training.telling.traits import Groups, traits

EXEMPLARS = 3
LEAST_EFFECT = 0.2
"""Cohen's bound of a small effect: what is less sets nobody apart."""
MOST_TRAITS = 12


class FeatureText(NamedTuple):
    """A feature as the definition has it."""

    name: str
    term: str


def facts(
    clusters: Clusters,
    scale: Scale,
    features: Sequence[FeatureText],
    rows: Sequence[Vector],
    before: Clusters | None,
    version: int,
    remembered: Mapping[str, str] = MappingProxyType({}),
) -> tuple[ClusterFacts, ...]:
    """Of each id in `clusters.ids`, in the order of their numbers.

    `rows` are the users of the panel, one row each; `before` is the snapshot before with its facts, from which
    names go on; `version` is that of `clusters`. `remembered` are names of ids that `before` has not: of those that
    went, and may return. Of the clusters it reads centres, ids, power and happenings.
    """
    groups = _groups(clusters, scale, rows)
    columns = zip(features, groups.measured.T.tolist(), strict=True)
    read = tuple(Measure.of(each.name, each.term, column) for each, column in columns)
    sets_apart = {each: traits(groups, each, read) for each in groups.members}
    told_before = {told.id: told for told in before.facts} if before else {}
    called = names(
        {each: claims(read, of_each) for each, of_each in sets_apart.items()},
        {**remembered, **{each: told.name for each, told in told_before.items()}},
    )
    apart = silhouettes(groups.scaled, groups.members, clusters.power)
    centres = _centres(clusters, groups.scaled)
    centres_before = _centres(before, groups.scaled) if before else {}
    return tuple(
        ClusterFacts(
            id=each,
            name=called[each],
            size=len(members),
            share=len(members) / max(1, len(rows)),
            drift=_distance_a_feature(centres[each], centres_before.get(each)),
            silhouette=apart[each],
            traits=_foremost(sets_apart[each]),
            exemplars=_exemplars(centres[each], groups.scaled, members, rows, clusters.power),
            since_version=_since(each, told_before, clusters, version),
        )
        for each, members in groups.members.items()
    )


def _groups(clusters: Clusters, scale: Scale, rows: Sequence[Vector]) -> Groups:
    dimensions = len(scale.means)
    scaled = np.array([scale.scaled(row) for row in rows], dtype=np.float64).reshape(-1, dimensions)
    measured = np.array(rows, dtype=np.float64).reshape(-1, dimensions)
    ids = np.array(clusters.ids)[nearest_of(clusters.centres, scaled, clusters.power)] if clusters.ids else np.array([])
    in_order = sorted(set(clusters.ids), key=_number)
    return Groups(measured, scaled, {each: np.flatnonzero(ids == each) for each in in_order})


def _number(cluster: str) -> tuple[int, str]:
    return (len(cluster), cluster)


def _centres(clusters: Clusters, scaled: Matrix) -> Mapping[str, Matrix]:
    """By id; where several centres stand for a cluster, their mean by the users that are nearest to each."""
    of_rows = nearest_of(clusters.centres, scaled, clusters.power)
    users = np.bincount(of_rows, minlength=len(clusters.centres)) + 1e-9
    centres = np.array(clusters.centres, dtype=np.float64)
    return {
        each: np.average(centres[ours], axis=0, weights=users[ours])
        for each in set(clusters.ids)
        for ours in [np.flatnonzero(np.array(clusters.ids) == each)]
    }


def _distance_a_feature(centre: Matrix, before: Matrix | None) -> float:
    return 0.0 if before is None else float(np.sqrt(np.mean((centre - before) ** 2)))


def _foremost(each: Sequence[Trait]) -> tuple[Trait, ...]:
    by_effect = sorted(each, key=lambda trait: -abs(trait.effect))
    return tuple(trait for trait in by_effect[:MOST_TRAITS] if abs(trait.effect) >= LEAST_EFFECT)


def _exemplars(
    centre: Matrix, scaled: Matrix, members: Numbers, rows: Sequence[Vector], power: float
) -> tuple[Vector, ...]:
    """The nearest to the centre that differ from each other."""
    nearest_first = np.argsort(distances(scaled[members], centre, power), kind="stable")
    different = dict.fromkeys(rows[members[each]] for each in nearest_first)
    return tuple(different)[:EXEMPLARS]


def _since(cluster: str, before: Mapping[str, ClusterFacts], clusters: Clusters, version: int) -> int:
    if cluster in before:
        return before[cluster].since_version
    return min((each.version for each in clusters.happenings if each.cluster == cluster), default=version)
