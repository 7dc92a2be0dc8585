"""A user's scaled features as River takes them, and back: a dictionary by position, with every position in it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from services.segmentation.models.scaling import Scaled

Point = dict[int, float]


def point(scaled: Sequence[float], dimensions: int) -> Point:
    """A dictionary of its own, since River keeps what it is given.

    Raises ValueError of one that is not as long or has a number that is not finite: it would poison what it touches.
    """
    if len(scaled) != dimensions or not all(map(math.isfinite, scaled)):
        raise ValueError(f"not {dimensions} finite numbers")
    return dict(enumerate(map(float, scaled)))


def scaled_at(centre: Mapping[int, float]) -> Scaled:
    return tuple(centre[position] for position in range(len(centre)))


@contextmanager
def readable() -> Iterator[None]:
    """Whatever is wrong with the shape of what is read here, it is a ValueError."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, OverflowError) as wrong:
        raise ValueError("this is not the state of such an estimator") from wrong
