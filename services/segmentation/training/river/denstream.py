"""River's DenStream (Cao, Ester, Qian and Zhou, SDM 2006): dense small clusters, joined where they overlap.

The law: two are joined where the centre of one is inside of the other. To touch, which River asks for, is not enough:
users of many features are all about a radius away from their centre, so small clusters of different groups touch too.

Release 0.26.1 has errors that River's own main branch has put right since (pull requests 2005 and 2008); until a
release has that, they are put right here, in as few lines as it takes.
"""

import copy
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from river import cluster
from river.cluster.denstream import DenStreamMicroCluster

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.river import radii
from services.segmentation.training.river.catalogue import Settings
from services.segmentation.training.river.points import Point, point, scaled_at

MOST_AT_FIRST = 1_000
"""Every one of the first samples is compared with all others."""
MOST_SMALL = 1_000
"""Of each kind; every sample is compared with all."""
DENSE = 0.02
"""The part of the first samples that a small cluster is joined from, where a definition does not say."""
LEAST_DENSE = 1.5
"""Samples that a small cluster has to hold at least to stay dense."""


class _Small(DenStreamMicroCluster):
    """Its radius is how far its users are from its centre: River's goes to 0 away from the origin."""

    __slots__ = ()

    def calc_radius(self, timestamp: int) -> float:  # noqa: ARG002 - River asks so
        return _radius(self.N, self.linear_sum, self.squared_sum)

    def radius_with(self, x: Point) -> float:
        sums = {position: total + x[position] for position, total in self.linear_sum.items()}
        squares = {position: total + x[position] ** 2 for position, total in self.squared_sum.items()}
        return _radius(self.N + 1, sums, squares)


class _Repaired(cluster.DenStream):
    def learn_one(self, x: dict[Any, float], w: float | None = None) -> None:
        super().learn_one(x, w)  # type: ignore[no-untyped-call]
        self.p_micro_clusters = _tidy(self.p_micro_clusters, self.timestamp)
        self.o_micro_clusters = _tidy(self.o_micro_clusters, self.timestamp)

    def _is_directly_density_reachable(self, one: DenStreamMicroCluster, other: DenStreamMicroCluster) -> bool:
        smalls = (one, other)
        apart = self._distance(one.center, other.center)  # type: ignore[no-untyped-call]
        return all(small.calc_weight(self.timestamp) > self.mu for small in smalls) and bool(
            apart <= max(small.calc_radius(self.timestamp) for small in smalls)
        )

    def _query_neighbor(self, small: DenStreamMicroCluster) -> deque[DenStreamMicroCluster]:
        """All that it reaches, over others too: River asks for no neighbours of neighbours."""
        reached = [small]
        for each in reached:
            near = super()._query_neighbor(each)  # type: ignore[no-untyped-call]
            reached += [other for other in near if other not in reached]
        return deque(reached[1:])


class Denstream:
    power = 2.0

    def __init__(self, settings: Settings, dimensions: int) -> None:
        """Of these settings none is left open."""
        self._dimensions = dimensions
        self._river: Any = _Repaired(**settings)

    @classmethod
    def start(cls, settings: Settings, warm_up: Sequence[Scaled]) -> "Denstream":
        def taught(radius: float, users: Sequence[Scaled]) -> "Denstream":
            """Once more where it has begun: of the first samples River keeps those in dense places, and no others."""
            self = cls(_closed(settings, radius, len(users)), len(users[0]))
            for _ in range(2):
                for scaled in users:
                    self.learn(scaled)
                if not self._river.initialized:
                    break
            return self

        return taught(settings["epsilon"] or radii.fitting(taught, warm_up), warm_up)

    @classmethod
    def restore(cls, settings: Settings, state: dict[str, Any]) -> "Denstream":
        found = {"epsilon": float(state["radius"]), "mu": float(state["mu"]), "n_samples_init": int(state["first"])}
        self = cls({**settings, **found}, int(state["dimensions"]))
        river = self._river
        river.timestamp, river._n_samples_seen = int(state["time"]), int(state["seen"])
        river.initialized = river._n_samples_seen >= river.n_samples_init
        river._init_buffer = deque(river.BufferItem(self._point(user), 0, False) for user in state["waiting"])
        river.p_micro_clusters = dict(enumerate(map(self._small, state["dense"])))
        river.o_micro_clusters = dict(enumerate(map(self._small, state["thin"])))
        return self

    def learn(self, scaled: Scaled) -> None:
        self._river.learn_one(self._point(scaled))

    def centres(self) -> tuple[Scaled, ...]:
        """River joins small clusters when it predicts, and its sums of the first of them go wrong: not here."""
        asked = copy.deepcopy(self._river)
        asked.predict_one(self._point([0.0] * self._dimensions))
        return tuple(map(scaled_at, asked.centers.values()))

    def renew(self, users: Sequence[Scaled]) -> None:
        """It forgets where nobody is any more by itself."""

    def state(self) -> dict[str, Any]:
        river = self._river
        return {
            "dimensions": self._dimensions,
            "radius": river.epsilon,
            "mu": float(river.mu),
            "first": river.n_samples_init,
            "time": river.timestamp,
            "seen": river._n_samples_seen,
            "waiting": [] if river.initialized else [list(scaled_at(item.x)) for item in river._init_buffer],
            "dense": list(map(_row, river.p_micro_clusters.values())),
            "thin": list(map(_row, river.o_micro_clusters.values())),
        }

    def _point(self, scaled: Sequence[float]) -> Point:
        return point(scaled, self._dimensions)

    def _small(self, row: Sequence[Any]) -> DenStreamMicroCluster:
        users, created, edited, sums, squares = row
        small: Any = _Small(self._point(sums), int(created), self._river.decaying_factor)  # type: ignore[no-untyped-call]
        small.N, small.last_edit_time, small.squared_sum = float(users), int(edited), self._point(squares)
        return small  # type: ignore[no-any-return]


def _closed(settings: Settings, radius: float, users: int) -> Settings:
    """With what a definition of such a model can leave to its warm-up."""
    first = min(users, MOST_AT_FIRST)
    mu = max(DENSE * first, LEAST_DENSE / settings["beta"])
    found = {"epsilon": radius, "mu": settings["mu"] or mu, "n_samples_init": settings["n_samples_init"] or first}
    return {**settings, **found}


def _row(small: DenStreamMicroCluster) -> list[Any]:
    sums, squares = scaled_at(small.linear_sum), scaled_at(small.squared_sum)
    return [float(small.N), small.creation_time, small.last_edit_time, list(sums), list(squares)]


def _tidy(smalls: dict[int, DenStreamMicroCluster], time: int) -> dict[int, DenStreamMicroCluster]:
    """River numbers a small cluster by how many there are: after a gap it would take the place of another.

    And it forgets small clusters only after a while, in which there may be any number of them.
    """
    if len(smalls) > MOST_SMALL:
        del smalls[min(smalls, key=lambda number: smalls[number].calc_weight(time))]
    last = next(reversed(smalls), -1)
    if last == len(smalls) - 1 and (not smalls or type(smalls[last]) is _Small):
        return smalls
    for small in smalls.values():
        small.__class__ = _Small
    return dict(enumerate(smalls.values()))


def _radius(users: float, sums: Point, squares: Point) -> float:
    """The root of the mean square of the distances from the centre."""
    spread = sum(squares.values()) / users - sum(total * total for total in sums.values()) / users**2
    return math.sqrt(spread) if spread > 0 else 0.0
