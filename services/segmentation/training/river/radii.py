"""How near is near, where a definition does not say: the radius with which a clusterer parts users best."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

import numpy as np

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.distances import Matrix, distances, nearest_of
from services.segmentation.training.geometry.silhouettes import silhouettes

USERS = 1_000
"""As many are looked at."""
NEIGHBOURS = 0.05
"""The part of all users that is as near to a typical one as the typical radius."""
FACTORS = (1.0, 0.85, 1.2, 0.7, 1.4, 0.55, 1.7, 0.45, 2.0, 2.5, 3.0)
"""Of the typical radius, in the order in which they are preferred where nothing else tells."""
NO_BETTER = 0.03
"""A mean silhouette that is so little greater is chance."""
LEAST_SHARE = 0.02
"""Of the users, that a centre has to have to be counted."""
LEAST_RADIUS = 0.25
"""Of users who are all alike."""


class Centred(Protocol):
    def centres(self) -> tuple[Scaled, ...]: ...


class _Parted(NamedTuple):
    clusters: int
    """With anybody to speak of in them; none where all are in one."""
    apart: float
    """The users' mean silhouette, from -1 to 1; -1 too where there are no two clusters."""


def fitting(taught: Callable[[float, Sequence[Scaled]], Centred], users: Sequence[Scaled]) -> float:
    """The radius of which `taught` makes the clusterer whose clusters are farthest apart for their size.

    Among those that are as good it is one that tells most clusters apart. Where features are many, two groups as one
    are hardly worse than two, but halves of a group are much worse than the whole.
    """
    some = users[:: -(-len(users) // USERS)]
    radii = [factor * typical(some) for factor in FACTORS]
    parted = [_parted(taught(radius, some).centres(), np.array(some)) for radius in radii]
    least = max(each.apart for each in parted) - NO_BETTER
    good = [(radius, each.clusters) for radius, each in zip(radii, parted, strict=True) if each.apart >= least]
    return max(good, key=itemgetter(1))[0]


def typical(users: Sequence[Scaled]) -> float:
    """Within which a typical user has so many others that it is inside of a group, not as far as the next one."""
    matrix = np.array(users)
    rank = min(len(matrix) - 1, max(1, round(NEIGHBOURS * len(matrix))))
    nearest = [np.partition(distances(matrix, user, 2.0), rank)[rank] for user in matrix]
    return max(LEAST_RADIUS, float(np.sqrt(np.median(nearest))))


def _parted(centres: Sequence[Scaled], users: Matrix) -> _Parted:
    sizes = np.bincount(nearest_of(centres, users, 2.0), minlength=len(centres))
    peopled = [centre for centre, size in zip(centres, sizes, strict=True) if size >= LEAST_SHARE * len(users)]
    if len(peopled) < 2:
        return _Parted(0, -1.0)
    owners = nearest_of(peopled, users, 2.0)
    members = {str(number): np.flatnonzero(owners == number) for number in range(len(peopled))}
    each = silhouettes(users, members, 2.0)
    total = sum(len(members[number]) * (silhouette or 0.0) for number, silhouette in each.items())
    return _Parted(len(peopled), total / len(users))
