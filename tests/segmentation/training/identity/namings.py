"""Made-up people in groups, and versions of clusters that are named one after the other."""

from collections.abc import Sequence

import numpy as np

from services.segmentation.models.prediction import nearest
from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training.identity.naming import Identity

DEVIATION = 0.2
"""Of the people of a group, in each feature."""


def people(centre: Sequence[float], count: int, seed: int = 1, deviation: float = DEVIATION) -> list[Vector]:
    """Of one group. As many with the same seed are the same, but for where they are."""
    noise = np.random.default_rng(seed).normal(0.0, deviation, (count, len(centre)))
    return [tuple(map(float, row)) for row in noise + np.array(centre)]


def middle(rows: Sequence[Vector]) -> Scaled:
    return tuple(map(float, np.array(rows, dtype=float).mean(axis=0)))


def plain(dimensions: int) -> Scale:
    """That which changes nothing."""
    return Scale((0.0,) * dimensions, (1.0,) * dimensions)


def id_of(clusters: Clusters, row: Vector, scale: Scale | None = None) -> str:
    return clusters.ids[nearest(clusters, (scale or plain(len(row))).scaled(row))]


class Naming:
    """Names versions as a training would."""

    def __init__(self, identity: Identity | None = None, minimum_share: float = 0.02) -> None:
        self.identity, self.version, self.minimum_share = identity or Identity(), 0, minimum_share
        self.latest = Clusters((), ())

    def name(self, centres: Sequence[Scaled], rows: Sequence[Vector], scale: Scale | None = None) -> Clusters:
        self.version += 1
        scale = scale or plain(len((*centres, *rows)[0]) if (*centres, *rows) else 2)
        self.latest = self.identity.name(
            centres, 2.0, scale, rows, self.minimum_share, self.version, 1_000 * self.version
        )
        return self.latest

    def groups(self, *groups: Sequence[Vector]) -> Clusters:
        """Of an estimator that finds each group. The people of the largest were seen first."""
        rows = [row for group in sorted(groups, key=len, reverse=True) for row in group]
        return self.name([middle(group) for group in groups], rows)

    def news(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """What happened with the latest version."""
        return [each[2:] for each in self.latest.happenings if each.version == self.version]
