"""Whether hardly anybody is between two centres, so that those on either side are two groups and not one.

The law: users are counted along the way from one centre to the other. Of one heap that an estimator cut in two most are
in the middle; two normal groups of equal size have a valley in between from about 3.4 of their deviations on.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from services.segmentation.training.geometry.distances import Matrix
from services.segmentation.training.identity.places import View

Pair = tuple[str, str]
"""The ids of two clusters, in order."""
NEAR_ONE, BETWEEN, NEAR_OTHER = (-0.2, -0.1, 0.0, 0.1, 0.2), (0.3, 0.4, 0.5, 0.6, 0.7), (0.8, 0.9, 1.0, 1.1, 1.2)
"""Where on the way users are counted. Most of a group are not at its centre where part of another is counted to it."""
HALF_A_STRETCH = 0.1
FEWEST_AT_AN_END = 20
"""By fewer users nothing can be told."""
CLEAR, FILLED = 0.5, 0.8
"""What makes it a valley, and what makes it none. In between nothing changes."""


class Depth(NamedTuple):
    emptiest: int
    """Users of the emptiest stretch."""
    end: int
    """Those of the fullest stretch at the emptier end."""

    @property
    def is_clear(self) -> bool:
        """Whether it is a valley, and hardly by chance."""
        return self.end >= FEWEST_AT_AN_END and self.emptiest + self._by_chance <= CLEAR * self.end

    @property
    def is_filled(self) -> bool:
        return self.end >= FEWEST_AT_AN_END and self.emptiest >= FILLED * self.end

    @property
    def is_filled_for_sure(self) -> bool:
        """The same, and hardly by chance: of two that run into each other one would be gone now and then."""
        return self.is_filled and self.emptiest - self._by_chance >= FILLED * self.end

    @property
    def _by_chance(self) -> float:
        """Two deviations of a Poisson number."""
        return 2 * math.sqrt(self.emptiest)


def depth(view: View, one: int, other: int) -> Depth:
    """Of what is between two centres, seen by the users of both."""
    users = view.scaled(view.scale)
    first, second = users[view.nearest == one], users[view.nearest == other]
    if min(len(first), len(second)) < FEWEST_AT_AN_END:
        return Depth(0, 0)
    along = np.concatenate([_along(first, second), 1 - _along(second, first)])
    return Depth(
        emptiest=min(_users_at(along, BETWEEN)),
        end=min(max(_users_at(along, NEAR_ONE)), max(_users_at(along, NEAR_OTHER))),
    )


def depths(view: View, cores: Mapping[str, int]) -> Mapping[Pair, Depth]:
    """Of all pairs of clusters, given by id and centre, that no third lies between."""
    pairs = [(one, other) for one in cores for other in cores if one < other]
    return {pair: depth(view, *ends) for pair in pairs if are_next(view, *(ends := (cores[pair[0]], cores[pair[1]])))}


def are_next(view: View, one: int, other: int) -> bool:
    """Whether no third centre lies between."""
    middle = (np.array(view.centres[one]) + np.array(view.centres[other])) / 2
    return view.nearest_to(middle) in (one, other)


def are_near(view: View, one: int, other: int, others: Iterable[int]) -> bool:
    """Whether the way from one centre to the other is at most half of the way from either to a third.

    Halves of a group are near as well; between two groups there may be no fewer people than at the smaller one.
    """
    thirds = [centre for centre in others if centre not in (one, other)]
    ways = [float(view.centres_apart(end)[third]) for end in (one, other) for third in thirds]
    return 2 * float(view.centres_apart(one)[other]) <= min(ways, default=math.inf)


def _users_at(along: Matrix, stretches: Sequence[float]) -> list[int]:
    return [int((np.abs(along - at) < HALF_A_STRETCH).sum()) for at in stretches]


def _along(users: Matrix, others: Matrix) -> Matrix:
    """How far each is on the way from the middle of all the rest of its own to that of the others.

    Measured from a middle to which it belongs, a user of many features would always be near it.
    """
    middle = (users.sum(axis=0) - users) / (len(users) - 1)
    line = others.mean(axis=0) - middle
    length = (line**2).sum(axis=1)
    return np.asarray(((users - middle) * line).sum(axis=1) / np.maximum(length, np.finfo(np.float64).tiny))
