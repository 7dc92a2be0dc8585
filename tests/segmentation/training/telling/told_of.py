"""Worlds of a few groups, as facts are told of them: what tests of facts and of names begin with."""

import math
import random
from collections.abc import Mapping, Sequence

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import ClusterFacts, Clusters
from services.segmentation.training.telling.facts import FeatureText, facts

Rows = Sequence[Vector]
Groups = Mapping[str, Rows]


def clusters_of(groups: Groups, scale: Scale) -> Clusters:
    """One centre in the middle of each group."""
    scaled = [[scale.scaled(row) for row in rows] for rows in groups.values()]
    centres = tuple(tuple(math.fsum(column) / len(rows) for column in zip(*rows, strict=True)) for rows in scaled)
    return Clusters(centres, tuple(groups))


def told_of(
    terms: Mapping[str, str], groups: Groups, before: Sequence[ClusterFacts] = (), version: int = 1
) -> dict[str, ClusterFacts]:
    """The facts of each group, where the clusters are the groups."""
    rows = [row for group in groups.values() for row in group]
    scale = Scale.of(rows)
    clusters = clusters_of(groups, scale)
    was = Clusters(clusters.centres, clusters.ids, facts=tuple(before)) if before else None
    texts = [FeatureText(name, term) for name, term in terms.items()]
    return {each.id: each for each in facts(clusters, scale, texts, rows, was, version)}


def some(count: int, seed: int, **features: float | None) -> Rows:
    """Users with about these features: as they are measured, so in logarithms where they are numbers."""
    chance = random.Random(f"{seed} {sorted(features)}")
    return [tuple(_about(value, chance) for value in features.values()) for _ in range(count)]


def _about(value: float | None, chance: random.Random) -> float | None:
    """A part from 0 to 1 stays one, and what is 0 or 1 for sure stays so."""
    if value is None or value in (0.0, 1.0):
        return value
    noisy = chance.gauss(value, min(0.15 * value, 0.3))
    return min(1.0, noisy) if value < 1 else noisy
