"""From whom a scale is taken, and when it does not fit any more."""

from collections.abc import Callable, Sequence

import numpy as np

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.training.geometry.company import in_company

FAR_DEVIATIONS = 1.0
FAR_FACTOR = 1.5
TELLING_DEVIATION = 0.1
"""Below it a feature is that of a few users in thousands, of whom there are now twice as many and now half."""


def scale_of(rows: Sequence[Vector], taken: Callable[[Sequence[Vector]], Scale]) -> Scale:
    """As it is `taken` from some users, but for those who are far from everybody in the scale of all of them."""
    of_all = taken(rows)
    has_company = in_company(np.array([of_all.scaled(row) for row in rows]))
    return taken([row for row, counts in zip(rows, has_company, strict=True) if counts])


def is_far(scale: Scale, other: Scale) -> bool:
    """Whether what is far apart in one is near in the other, in any feature."""
    features = zip(scale.means, scale.deviations, other.means, other.deviations, strict=True)
    return any(_is_feature_far(*each) for each in features)


def _is_feature_far(mean: float, deviation: float, other_mean: float, other_deviation: float) -> bool:
    low, high = sorted(max(each, TELLING_DEVIATION) for each in (deviation, other_deviation))
    return high > FAR_FACTOR * low or abs(mean - other_mean) > FAR_DEVIATIONS * low
