"""Where means start from: centres that fit the users of a warm-up, but for the few that are far from everybody.

Trimmed k-means, after Cuesta-Albertos, Gordaliza and Matrán (The Annals of Statistics, 1997).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.distances import Matrix, distances

TRIES = 10
ROUNDS = 50
FARTHEST = 0.02
"""The part of the users that is far from all others and would pull a centre out of them, be it poison."""
NOWHERE = -1


def centres(users: Sequence[Scaled], clusters: int, seed: int) -> tuple[Scaled, ...]:
    """K-means (Lloyd 1982) from the best of several k-means++ starts (Arthur and Vassilvitskii, SODA 2007).

    Where there are not as many different users the last of them stands in several places.
    """
    matrix = np.array(users)
    different = np.unique(matrix, axis=0)
    if len(different) <= clusters:
        best = different[np.minimum(np.arange(clusters), len(different) - 1)]
    else:
        chance = np.random.default_rng(seed)
        settled = [_settled(matrix, _spread(matrix, clusters, chance)) for _ in range(TRIES)]
        best = min(settled, key=lambda found: _inertia(matrix, found, 2.0))
    return tuple(tuple(row) for row in best.tolist())


def settled(users: Sequence[Scaled], found: Sequence[Scaled]) -> tuple[Scaled, ...]:
    """Where these centres come to rest."""
    return tuple(tuple(row) for row in _settled(np.array(users), np.array(found)).tolist())


def inertia(users: Sequence[Scaled], found: Sequence[Scaled], power: float) -> float:
    """The sum of the distances, to the power, of users to the nearest centre, without the farthest of them."""
    return _inertia(np.array(users), np.array(found), power)


def _spread(users: Matrix, clusters: int, chance: np.random.Generator) -> Matrix:
    """Each is the best of some that are drawn by how far they are from the ones before: that avoids most bad ends."""
    chosen = [users[chance.integers(len(users))]]
    apart = distances(users, chosen[0], 2.0)
    drawn = 2 + int(np.log(clusters))
    while len(chosen) < clusters:
        candidates = users[chance.choice(len(users), size=drawn, p=_chances(apart))]
        left = [np.minimum(apart, distances(users, candidate, 2.0)) for candidate in candidates]
        best = int(np.argmin([each[_counted(each)].sum() for each in left]))
        chosen.append(candidates[best])
        apart = left[best]
    return np.array(chosen)


def _chances(apart: Matrix) -> Matrix:
    near = np.where(_counted(apart), apart, 0.0)
    return np.asarray(near / near.sum() if near.any() else apart / apart.sum())


def _settled(users: Matrix, found: Matrix) -> Matrix:
    lengths = (users**2).sum(axis=1)
    for _ in range(ROUNDS):
        # |user - centre| ** 2 without a table of all features of all pairs.
        apart = (found**2).sum(axis=1)[:, None] - 2.0 * found @ users.T + lengths
        nearest = np.where(_counted(apart.min(axis=0)), apart.argmin(axis=0), NOWHERE)
        moved = np.array([_middle(users[nearest == number], centre) for number, centre in enumerate(found)])
        if np.array_equal(moved, found):
            break
        found = moved
    return found


def _middle(members: Matrix, otherwise: Matrix) -> Matrix:
    return np.asarray(members.mean(axis=0)) if len(members) else otherwise


def _inertia(users: Matrix, found: Matrix, power: float) -> float:
    apart = np.min([distances(users, centre, power) for centre in found], axis=0)
    return float(apart[_counted(apart)].sum())


def _counted(apart: Matrix) -> npt.NDArray[np.bool_]:
    """All but the farthest."""
    last = len(apart) - 1 - int(FARTHEST * len(apart))
    return np.asarray(apart <= np.partition(apart, last)[last])
