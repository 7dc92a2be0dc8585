"""How near is near, where a definition does not say: the radius with which a clusterer parts users best."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.distances import Matrix, distances, nearest_of
from services.segmentation.training.geometry.silhouettes import silhouettes

USERS = 1_000
"""As many are looked at."""
NEIGHBOURS = 0.05
"""The part of all users that is as near to a typical one as the typical radius."""
FACTORS = (1.0, 0.85, 1.2, 0.7, 1.4, 0.55, 1.7, 0.45, 2.0)
"""Of the typical radius, in the order in which they are preferred."""
NO_BETTER = 0.03
"""A mean silhouette that is so little greater is chance."""
LEAST_SHARE = 0.02
"""Of the users, that a centre has to have to be counted."""
LEAST_RADIUS = 0.25
"""Of users who are all alike."""


class Centred(Protocol):
    def centres(self) -> tuple[Scaled, ...]: ...


def fitting(taught: Callable[[float, Sequence[Scaled]], Centred], users: Sequence[Scaled]) -> float:
    """The radius of which `taught` makes the clusterer whose clusters are farthest apart for their size."""
    some = users[:: -(-len(users) // USERS)]
    radii = [factor * typical(some) for factor in FACTORS]
    apart = [_apart(taught(radius, some).centres(), np.array(some)) for radius in radii]
    return next(radius for radius, each in zip(radii, apart, strict=True) if each >= max(apart) - NO_BETTER)


def typical(users: Sequence[Scaled]) -> float:
    """Within which a typical user has so many others that it is inside of a group, not as far as the next one."""
    matrix = np.array(users)
    rank = min(len(matrix) - 1, max(1, round(NEIGHBOURS * len(matrix))))
    nearest = [np.partition(distances(matrix, user, 2.0), rank)[rank] for user in matrix]
    return max(LEAST_RADIUS, float(np.sqrt(np.median(nearest))))


def _apart(centres: Sequence[Scaled], users: Matrix) -> float:
    """The users' mean silhouette, from -1 to 1; -1 too where there are no two clusters."""
    sizes = np.bincount(nearest_of(centres, users, 2.0), minlength=len(centres))
    peopled = [centre for centre, size in zip(centres, sizes, strict=True) if size >= LEAST_SHARE * len(users)]
    if len(peopled) < 2:
        return -1.0
    owners = nearest_of(peopled, users, 2.0)
    members = {str(number): np.flatnonzero(owners == number) for number in range(len(peopled))}
    each = silhouettes(users, members, 2.0)
    return sum(len(members[number]) * (silhouette or 0.0) for number, silhouette in each.items()) / len(users)
