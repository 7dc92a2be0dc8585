"""From values to places on a chart, and the values to write at its side."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """`place` is from 0 to 1."""

    place: Callable[[float], float]
    ticks: Sequence[float]


def linear(least: float, most: float, about: int = 5) -> Scale:
    """From `least` to at least `most`, in round steps, about so many."""
    span = max(most - least, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next((each * power for each in _STEPS if each * power * about >= span), 10 * power)
    until = math.ceil(most / step - 1e-9) * step
    until = until if until > least else least + step
    first = math.ceil(least / step - 1e-9)
    ticks = [number * step for number in range(first, round(until / step) + 1)]
    return Scale(lambda value: (value - least) / (until - least), ticks)


def logarithmic(least: float, most: float) -> Scale:
    """Whole decades; both are above 0."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most) - 1e-9)
    last = max(last, first + 1)
    return Scale(
        lambda value: (math.log10(max(value, 10.0**first)) - first) / (last - first),
        [10.0**power for power in range(first, last + 1)],
    )


def written(value: float) -> str:
    """In as many digits as tell it."""
    if value >= 10_000:
        return f"{value / 1000:,.4g}k" if value < 1e6 else f"{value:,.0f}"
    return f"{value:.4g}"
