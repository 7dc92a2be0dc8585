"""Where clusters were, and where users and centres are now: all that names are decided by."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import LIMIT, Scale, Scaled
from services.segmentation.training.geometry.distances import Matrix, Numbers, distances, nearest_of

Flags = npt.NDArray[np.bool_]
"""By user."""

NEARLY_ALL = 0.95
"""Of a centre's users: as far away as they are it reaches."""
FEWEST_TO_MEASURE = 20
"""Users by whom that can be told; with fewer it reaches no less far than it did."""
LEAST_REACH = 0.25
"""Of the way to the next cluster."""
LONGEST_WAY = 2.0
"""To the next cluster, in deviations; one that is farther, or is not there, is as far."""


class Place(NamedTuple):
    """A centre of an earlier version, in the scale of that version."""

    id: str
    centre: Scaled
    scale: Scale
    reach: float
    """As far from the centre nearly all of its people were; whoever is farther was not known to it."""
    is_core: bool = True
    """Whether most of the cluster's people were here; no other centre that stands for it has a claim to its name."""
    users: int = 0
    """The most that the cluster had, at all of its centres."""


class View:
    """The users of the panel, each with the nearest of a new version's centres.

    Centres are sorted, and equal ones are one, so that it means nothing how an estimator numbers them.
    """

    def __init__(self, centres: Sequence[Scaled], power: float, scale: Scale, rows: Sequence[Vector]) -> None:
        if not np.isfinite(np.array(centres, dtype=np.float64)).all():
            raise ValueError("centres have to be finite")
        self.centres, self.power, self.scale = tuple(sorted(set(centres))), power, scale
        self._features = np.array(rows if centres else [], dtype=np.float64).reshape(-1, len(scale.means))
        self._scaled: dict[Scale, Matrix] = {}
        self.nearest: Numbers = nearest_of(self.centres, self.scaled(scale), power)
        self.users: Numbers = np.bincount(self.nearest, minlength=len(self.centres))

    @property
    def everybody(self) -> int:
        return len(self.nearest)

    def scaled(self, scale: Scale) -> Matrix:
        """The users' features, as `Scale.scaled` does it with each."""
        if scale not in self._scaled:
            deviations = (self._features - np.array(scale.means)) / np.array(scale.deviations)
            self._scaled[scale] = np.where(np.isnan(deviations), 0.0, np.clip(deviations, -LIMIT, LIMIT))
        return self._scaled[scale]

    def by_centre(self, which: Flags) -> Numbers:
        """How many of some users are nearest to each centre."""
        return np.bincount(self.nearest[which], minlength=len(self.centres))

    def users_from(self, place: Place) -> Matrix:
        """By user, the distance from a place, in its scale."""
        return self._distances(self.scaled(place.scale), place.centre)

    def centres_from(self, place: Place) -> Matrix:
        """By centre, the distance from a place, in its scale."""
        moved = [place.scale.scaled(self.scale.unscaled(centre)) for centre in self.centres]
        return self._distances(_matrix(moved, place.centre), place.centre)

    def centres_apart(self, number: int) -> Matrix:
        """By centre, the distance from one of them."""
        return self._distances(_matrix(self.centres, self.centres[number]), self.centres[number])

    def nearest_to(self, point: Matrix) -> int:
        """The centre that is nearest to any point."""
        return int(self._distances(np.array(self.centres), tuple(point)).argmin())

    def farness(self, number: int) -> Matrix:
        """Of the users that are nearest to a centre, the distances from it."""
        return self._distances(self.scaled(self.scale)[self.nearest == number], self.centres[number])

    def _distances(self, points: Matrix, centre: Scaled) -> Matrix:
        return np.asarray(distances(points, np.array(centre), self.power) ** (1 / self.power))


def _matrix(points: Sequence[Scaled], like: Scaled) -> Matrix:
    return np.array(points, dtype=np.float64).reshape(-1, len(like))


def remembered(view: View, cores: Mapping[str, int], ids: Sequence[str], before: Iterable[Place]) -> tuple[Place, ...]:
    """The places of a version, of which `ids` tell by centre what it stands for, and `cores` which has the claim."""
    earlier = {place.id: place for place in before}
    reaches = {place.id: place.reach for place in earlier.values() if place.scale == view.scale}
    users = Counter[str]()
    for each, count in zip(ids, view.users.tolist(), strict=True):
        users[each] += count
    users |= Counter({place.id: place.users for place in earlier.values()})  # the larger of both
    is_core = [cores[ids[number]] == number for number in range(len(ids))]
    reached = [reaches.get(ids[number], 0.0) if is_core[number] else 0.0 for number in range(len(ids))]
    return tuple(
        Place(each, centre, view.scale, _reach(view, number, ids, reached[number]), is_core[number], users[each])
        for number, (each, centre) in enumerate(zip(ids, view.centres, strict=True))
    )


def _reach(view: View, number: int, ids: Sequence[str], before: float) -> float:
    others = [other for other, cluster in enumerate(ids) if cluster != ids[number]]
    way = float(view.centres_apart(number)[others].min(initial=LONGEST_WAY))
    farness = view.farness(number)
    measured = float(np.quantile(farness, NEARLY_ALL)) if len(farness) else 0.0
    return max(measured, LEAST_REACH * way, before if len(farness) < FEWEST_TO_MEASURE else 0.0)


def row_of(place: Place, scales: Sequence[Scale]) -> list[Any]:
    """As JSON holds it, with the number of its scale."""
    return [place.id, list(place.centre), scales.index(place.scale), *place[3:]]


def place_in(row: Sequence[Any], scales: Sequence[Scale]) -> Place:
    """What `row_of` wrote."""
    cluster, centre, scale, *rest = row
    return Place(cluster, tuple(centre), scales[scale], *rest)
