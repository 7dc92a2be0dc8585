"""Minkowski's distances between many users and few centres at once; only their order is used, so no root is drawn."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.segmentation.models.scaling import Scaled

Matrix = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]
"""Positions in a list."""


def distances(scaled: Matrix, point: Matrix, power: float) -> Matrix:
    """Of each row from the point, to the power."""
    apart = np.abs(scaled - point)
    return np.asarray((apart**power).sum(axis=1))


def nearest_of(centres: Sequence[Scaled], scaled: Matrix, power: float) -> Numbers:
    """By row, the number of the nearest centre, the first of equally near ones."""
    if not centres:
        return np.zeros(0, dtype=np.intp)
    table = np.stack([distances(scaled, np.array(centre), power) for centre in centres])
    return np.asarray(table.argmin(axis=0))
