"""River's two clusterers around means. Their centres start where k-means++ puts them, not at chance."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from river import cluster

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.company import with_company
from services.segmentation.training.river import starts
from services.segmentation.training.river.catalogue import Settings
from services.segmentation.training.river.points import point, scaled_at

MUCH_WORSE = 1.1
"""So many times the inertia that centres could have."""


class KMeans:
    """After its start every centre has every position, so the chance with which River fills gaps never counts."""

    def __init__(self, settings: Settings, centres: Sequence[Scaled]) -> None:
        self._settings = settings
        self._dimensions = len(centres[0])
        self._river: Any = cluster.KMeans(**settings)
        self.power = float(self._river.p)
        self._set(centres)

    @classmethod
    def start(cls, settings: Settings, warm_up: Sequence[Scaled]) -> "KMeans":
        return cls(settings, _best(settings, with_company(warm_up)))

    @classmethod
    def restore(cls, settings: Settings, state: dict[str, Any]) -> "KMeans":
        return cls(settings, state["centres"])

    def learn(self, scaled: Scaled) -> None:
        self._river.learn_one(point(scaled, self._dimensions))

    def centres(self) -> tuple[Scaled, ...]:
        return tuple(map(scaled_at, self._river.centers.values()))

    def renew(self, users: Sequence[Scaled]) -> None:
        """Let the centres come to rest among these users: what learns a stream one by one never does, so clusters would
        have other people from one version to the next, for no reason.

        They go with the users that are theirs, so one whose users are gone stays behind for ever. Where others would be
        much better they are given up.
        """
        near = with_company(users)
        here, best = self.centres(), _best(self._settings, near)
        rested = min(here, starts.settled(near, here), key=partial(self._inertia, near))
        is_bad = self._inertia(near, rested) > MUCH_WORSE * self._inertia(near, best)
        self._set(best if is_bad else rested)

    def state(self) -> dict[str, Any]:
        return {"centres": list(map(list, self.centres()))}

    def _set(self, centres: Sequence[Scaled]) -> None:
        for number, centre in self._river.centers.items():
            centre.update(point(centres[number], self._dimensions))

    def _inertia(self, users: Sequence[Scaled], centres: Sequence[Scaled]) -> float:
        return starts.inertia(users, centres, self.power)


class StreamKMeans:
    """Lets one chunk of samples after the other find centres of its own, and learns those."""

    power = 2.0

    def __init__(self, settings: Settings, state: dict[str, Any]) -> None:
        self._dimensions = len(state["centres"][0])
        self._river: Any = cluster.STREAMKMeans(**settings)
        self._river.time_stamp = int(state["time"])
        self._river._temp_chunk = {index: self._point(row) for index, row in enumerate(state["chunk"])}
        for number, centre in self._river._kmeans.centers.items():
            centre.update(self._point(state["centres"][number]))

    @classmethod
    def start(cls, settings: Settings, warm_up: Sequence[Scaled]) -> "StreamKMeans":
        return cls(settings, {"time": 0, "chunk": [], "centres": _best(settings, with_company(warm_up))})

    @classmethod
    def restore(cls, settings: Settings, state: dict[str, Any]) -> "StreamKMeans":
        return cls(settings, state)

    def learn(self, scaled: Scaled) -> None:
        self._river.learn_one(self._point(scaled))

    def centres(self) -> tuple[Scaled, ...]:
        return tuple(map(scaled_at, self._river._kmeans.centers.values()))

    def renew(self, users: Sequence[Scaled]) -> None:
        """It finds centres anew in every chunk."""

    def state(self) -> dict[str, Any]:
        return {
            "time": self._river.time_stamp,
            "chunk": [list(scaled_at(user)) for user in self._river._temp_chunk.values()],
            "centres": list(map(list, self.centres())),
        }

    def _point(self, scaled: Sequence[float]) -> dict[int, float]:
        return point(scaled, self._dimensions)


def _best(settings: Settings, users: Sequence[Scaled]) -> tuple[Scaled, ...]:
    return starts.centres(users, settings["n_clusters"], settings["seed"])
