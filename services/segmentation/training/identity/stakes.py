"""Whose people are where: those of the latest version's clusters, by the centre of the new one that is nearest.

The law: a user is of a cluster's people where those were known to be, and is nobody's elsewhere, though a snapshot has
to say something of everybody.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from services.segmentation.training.geometry.distances import Numbers
from services.segmentation.training.identity.places import Flags, Place, View

HARDLY_ANY = 0.1
"""Of the users that are nearest to a place."""


class Stakes(NamedTuple):
    """By place and centre, the users that were at the one and are at the other."""

    places: Sequence[Place]
    users: Numbers
    """In the last row those that were at no place."""

    def came_from(self, centre: int) -> str | None:
        """The cluster from which most of a centre's users are, if not most were in none."""
        if not self.users[:, centre].any():
            return None
        by_id = self._by_id(centre)
        return max(by_id, key=by_id.__getitem__)

    def _by_id(self, centre: int) -> Mapping[str | None, int]:
        found: dict[str | None, int] = {}
        for place, users in zip([*(place.id for place in self.places), None], self.users[:, centre], strict=True):
            found[place] = found.get(place, 0) + int(users)
        return found

    def people(self, cluster: str) -> Numbers:
        """By centre, those that were at the core of a cluster."""
        return np.asarray(self.users[self.places.index(self.core(cluster))])

    def core(self, cluster: str) -> Place:
        (core,) = (place for place in self.places if place.is_core and place.id == cluster)
        return core


def stakes(view: View, places: Sequence[Place], gone: Sequence[Place]) -> Stakes:
    """Who was where. Where the world has moved, all were at the nearest place."""
    if not places:
        return Stakes(places, np.stack([view.users]))
    table = np.stack([view.users_from(place) for place in places])
    nearest = table.argmin(axis=0)
    is_known = table.min(axis=0) <= np.array([place.reach for place in places])[nearest]
    is_at_home = np.logical_or.reduce([is_known, *(view.users_from(place) <= place.reach for place in gone)])
    if not _has_moved(nearest, is_at_home):
        nearest = np.where(is_known, nearest, len(places))
    return Stakes(places, np.stack([view.by_centre(nearest == number) for number in range(len(places) + 1)]))


def _has_moved(nearest: Numbers, is_at_home: Flags) -> bool:
    """Whether most places have hardly any of their users where people were: the world has, if not its groups."""
    users, at_home = np.bincount(nearest), np.bincount(nearest, weights=is_at_home)
    return bool(2 * (at_home < HARDLY_ANY * users).sum() > (users > 0).sum())
