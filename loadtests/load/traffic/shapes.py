"""How the rate goes over time: each shape is a function of the part of the run that is over (0 to 1), and tells which
part of the rate asked for there is. Whoever needs another shape writes another function."""

import math
from collections.abc import Callable

Shape = Callable[[float], float]


def steady(_: float) -> float:
    return 1.0


def ramp(part: float) -> float:
    """From a tenth to the whole rate: where does it break?"""
    return 0.1 + 0.9 * part


def spike(part: float) -> float:
    """A third of the rate, and all of it at once in the third fifth: does it come back by itself?"""
    return 1.0 if 0.4 <= part < 0.6 else 1 / 3


def day(part: float) -> float:
    """A day in the life of a site, from its quietest hour on: what leaks, what grows, what is left behind."""
    return 0.6 - 0.4 * math.cos(2 * math.pi * part)
