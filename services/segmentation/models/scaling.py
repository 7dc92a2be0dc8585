"""Features on one scale, so that none counts more for its unit. Everything that decides it lives here.

A scale is taken from some samples and stays: models know the world in its units. A few odd ones among them change it
little: what is far from the others counts as `LIMIT` deviations, here as later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.segmentation.models.samples import BOUND, Vector

LIMIT = 5.0
"""So many deviations from the mean are far; what is farther counts as so far, be it poison."""
LEAST_DEVIATION = 0.05
"""Of a feature that was the same for everybody so far."""

Scaled = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, vectors: Sequence[Vector]) -> "Scale":
        """That of some users, at least one. A feature that none of them has gets the scale of a share."""
        moments = [_moments(_within(_told(column), -BOUND, BOUND)) for column in zip(*vectors, strict=True)]
        return cls(tuple(mean for mean, _ in moments), tuple(deviation for _, deviation in moments))

    def scaled(self, features: Vector) -> Scaled:
        """What is missing is like the mean."""
        return tuple(
            0.0 if value is None or math.isnan(value) else max(-LIMIT, min(LIMIT, (value - mean) / deviation))
            for value, mean, deviation in zip(features, self.means, self.deviations, strict=True)
        )

    def unscaled(self, scaled: Scaled) -> tuple[float, ...]:
        return tuple(
            mean + value * deviation for value, mean, deviation in zip(scaled, self.means, self.deviations, strict=True)
        )


def _told(column: Sequence[float | None]) -> list[float]:
    return [value for value in column if value is not None and not math.isnan(value)]


def _moments(column: Sequence[float]) -> tuple[float, float]:
    """The mean and the deviation, reckoned once more with what the first reckoning finds too far out drawn in."""
    if not column:
        return 0.0, 1.0
    mean, deviation = _plain_moments(column)
    return _plain_moments(_within(column, mean - LIMIT * deviation, mean + LIMIT * deviation))


def _plain_moments(column: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(column) / len(column)
    variance = math.fsum((value - mean) ** 2 for value in column) / len(column)
    return mean, max(math.sqrt(variance), LEAST_DEVIATION)


def _within(column: Sequence[float], least: float, most: float) -> list[float]:
    return [max(least, min(most, value)) for value in column]
