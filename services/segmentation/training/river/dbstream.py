"""River's DBSTREAM (Hahsler and Bolaños, IEEE TKDE 2016): small clusters, joined where they share users."""

from collections.abc import Sequence
from typing import Any

from river import cluster
from river.cluster.dbstream import DBSTREAMMicroCluster

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.river import radii
from services.segmentation.training.river.catalogue import Settings
from services.segmentation.training.river.points import point, scaled_at


class _Tidy(cluster.DBSTREAM):
    """River's clean-up stops at the first row of shared densities that comes after the one it forgets, which is right
    only of rows in rising order. In any other it would keep what small clusters that are gone have shared, for ever."""

    def _update(self, x: dict[int, float]) -> None:
        rows = len(self.s)
        super()._update(x)  # type: ignore[no-untyped-call]
        if len(self.s) > rows:
            self.s, self.s_t = dict(sorted(self.s.items())), dict(sorted(self.s_t.items()))


class Dbstream:
    power = 2.0

    def __init__(self, settings: Settings, dimensions: int, radius: float) -> None:
        self._dimensions = dimensions
        self._river: Any = _Tidy(**{**settings, "clustering_threshold": radius})

    @classmethod
    def start(cls, settings: Settings, warm_up: Sequence[Scaled]) -> "Dbstream":
        def taught(radius: float, users: Sequence[Scaled]) -> "Dbstream":
            self = cls(settings, len(users[0]), radius)
            for scaled in users:
                self.learn(scaled)
            return self

        return taught(settings["clustering_threshold"] or radii.fitting(taught, warm_up), warm_up)

    @classmethod
    def restore(cls, settings: Settings, state: dict[str, Any]) -> "Dbstream":
        self = cls(settings, int(state["dimensions"]), float(state["radius"]))
        self._river._time_stamp = int(state["time"])
        for number, seen, weight, centre in state["small"]:
            self._river._micro_clusters[int(number)] = DBSTREAMMicroCluster(
                self._point(centre), int(seen), float(weight)
            )
        for one, other, weight, seen in state["shared"]:
            self._river.s.setdefault(int(one), {})[int(other)] = float(weight)
            self._river.s_t.setdefault(int(one), {})[int(other)] = int(seen)
        return self

    def learn(self, scaled: Scaled) -> None:
        self._river.learn_one(self._point(scaled))

    def centres(self) -> tuple[Scaled, ...]:
        """River joins the small clusters when it is asked, into what learning never reads."""
        return tuple(map(scaled_at, self._river.centers.values()))

    def renew(self, users: Sequence[Scaled]) -> None:
        """It forgets where nobody is any more by itself."""

    def state(self) -> dict[str, Any]:
        return {
            "dimensions": self._dimensions,
            "radius": self._river.clustering_threshold,
            "time": self._river._time_stamp,
            "small": [
                [number, small.last_update, float(small.weight), list(scaled_at(small.center))]
                for number, small in self._river._micro_clusters.items()
            ],
            "shared": [
                [one, other, float(weight), self._river.s_t[one][other]]
                for one, row in self._river.s.items()
                for other, weight in row.items()
            ],
        }

    def _point(self, scaled: Sequence[float]) -> dict[int, float]:
        return point(scaled, self._dimensions)
