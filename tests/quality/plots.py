"""What becomes of groups over a stream: they stay, move, fade, appear, split, merge, or are silent for a while."""

from collections.abc import Sequence

import numpy as np

from tests.quality.planted import Floats, Plot


def steady(groups: int) -> Plot:
    return Plot(lambda _: [1.0] * groups)


def unequal(groups: int, smallest: float = 0.15) -> Plot:
    """From the largest to the smallest, which is so large beside it."""
    sizes = list(np.geomspace(1.0, smallest, groups))
    return Plot(lambda _: sizes)


def drifting(groups: int, far: float = 0.5) -> Plot:
    """All hearts move, slowly and each in its own direction: by so much of their distance from the middle."""

    def hearts(part: float, at: Floats) -> Floats:
        return np.asarray(at + far * part * np.roll(at, 1, axis=1))

    return Plot(lambda _: [1.0] * groups, hearts)


def fading(groups: int) -> Plot:
    """The first is gone from the middle on."""
    return Plot(lambda part: [max(0.0, 1 - max(0.0, part - 0.3) / 0.2), *_rest(groups)])


def appearing(groups: int) -> Plot:
    """The first is there from the middle on."""
    return Plot(lambda part: [float(part >= 0.5), *_rest(groups)])


def silent(groups: int) -> Plot:
    """Of the first nothing is heard for a third of the time; then it is back."""
    return Plot(lambda part: [float(not 0.35 <= part < 0.7), *_rest(groups)])


def splitting(groups: int) -> Plot:
    """The second goes from the first's heart to its own, between four and six tenths."""
    return Plot(lambda _: [1.0] * groups, lambda part, at: _between(at, min(1.0, max(0.0, (part - 0.4) / 0.2))))


def merging(groups: int) -> Plot:
    """The second goes from its own heart to the first's."""
    return Plot(lambda _: [1.0] * groups, lambda part, at: _between(at, 1 - min(1.0, max(0.0, (part - 0.4) / 0.2))))


def _between(at: Floats, way: float) -> Floats:
    moved = at.copy()
    moved[1] = at[0] + way * (at[1] - at[0])
    return moved


def _rest(groups: int) -> Sequence[float]:
    return [1.0] * (groups - 1)
