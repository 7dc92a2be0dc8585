"""Users on a plane: the two directions in which they differ most (principal components; Pearson, 1901)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from services.model_tools.report.drawing import ACCENT, BACK, DIM, TEXT
from services.model_tools.report.look import Matrix

_NAMED = 2
"""Features that a side is named after."""
_LEAST_LOADING = 0.25
_SPREAD = 0.012
"""By how much users on the same spot are moved apart, as a part of the width."""


@dataclass(frozen=True)
class Plane:
    points: Matrix
    """By user, across and up."""
    explained: float
    """The part of all differences that is seen on it."""
    sides: Sequence[str]
    """What there is more of on the left, on the right, below and above."""

    @classmethod
    def of(cls, scaled: Matrix, features: Sequence[str]) -> Self:
        """Of at least one user and one feature."""
        centred = scaled - scaled.mean(axis=0)
        _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
        two = np.zeros((2, scaled.shape[1]))
        two[: min(2, len(directions))] = directions[:2]
        two *= np.sign(two.sum(axis=1, keepdims=True)) + (two.sum(axis=1, keepdims=True) == 0)
        total = float((strengths**2).sum())
        explained = float((strengths[:2] ** 2).sum()) / total if total else 1.0
        sides = [_strongest(sign * each, features) for each in two for sign in (-1, 1)]
        return cls(centred @ two.T, explained, sides)


def coloured_by_group(plane: Plane, groups: Sequence[str], colours: dict[str, str], figure: Figure) -> None:
    """Every user in the colour of the group, with the group's id at its middle."""
    axes, points = _axes(plane, figure)
    own = np.array(groups)
    order = np.random.default_rng(1).permutation(len(points))
    across, up = points[order].T
    axes.scatter(across, up, s=9, c=[colours[each] for each in own[order]], alpha=0.55, lw=0, rasterized=True)
    for group, colour in colours.items():
        if (own == group).any():
            x, y = np.median(points[own == group], axis=0)
            halo = [withStroke(linewidth=4, foreground=BACK)]
            axes.text(x, y, group, color=colour, weight="bold", size=13, ha="center", va="center", path_effects=halo)


def coloured_by_score(plane: Plane, scores: Sequence[float], marked: Sequence[bool], figure: Figure) -> None:
    """Every user the stronger the higher the score; some are marked with a ring."""
    axes, points = _axes(plane, figure)
    rising = np.argsort(scores)
    strengths = np.clip(np.array(scores), 0.06, 1.0)
    across, up = points[rising].T
    axes.scatter(across, up, s=10, c=ACCENT, alpha=strengths[rising] * 0.8, lw=0, rasterized=True)
    across, up = points[np.array(marked, dtype=bool)].T
    axes.scatter(across, up, s=34, facecolors="none", edgecolors=TEXT, lw=0.9)


def _axes(plane: Plane, figure: Figure) -> tuple[Axes, Matrix]:
    axes = figure.add_subplot()
    axes.set(xticks=[], yticks=[])
    left, right, below, above = plane.sides
    axes.set_xlabel(" ")  # room for the texts
    axes.set_ylabel(" ")
    beside: dict[str, Any] = {"transform": axes.transAxes, "color": DIM, "size": 9}
    axes.text(0, -0.03, f"← {left}" if left else "", ha="left", va="top", **beside)
    axes.text(1, -0.03, f"{right} →" if right else "", ha="right", va="top", **beside)
    axes.text(-0.02, 0, f"← {below}" if below else "", ha="right", va="bottom", rotation=90, **beside)
    axes.text(-0.02, 1, f"{above} →" if above else "", ha="right", va="top", rotation=90, **beside)
    noise = np.random.default_rng(1).normal(size=plane.points.shape)
    return axes, plane.points + noise * _SPREAD * np.ptp(plane.points, axis=0)


def _strongest(direction: Matrix, features: Sequence[str]) -> str:
    """The features that grow most in a direction."""
    least = _LEAST_LOADING * float(np.abs(direction).max())
    strong = [feature for feature in np.argsort(-direction) if direction[feature] > least]
    return ", ".join(features[feature] for feature in strong[:_NAMED])
