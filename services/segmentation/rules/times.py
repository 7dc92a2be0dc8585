"""When times compare with durations and with each other: they all grow evenly, from the moment that they count from."""

from collections.abc import Callable, Mapping

from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals
from services.segmentation.rules.nodes import Operator
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.values import ORDER

Origin = Callable[[Scene], int | None]
"""The moment that a time term counts from; None where that never was."""


def duration_comparison(origin: Origin, symbol: Operator, duration_ms: int) -> Callable[[Scene], Intervals]:
    without = ALWAYS if symbol in (">", ">=", "!=") else NEVER  # longer ago than any duration
    holds = _HOLDS[symbol]

    def evaluate(scene: Scene) -> Intervals:
        origin_ms = origin(scene)
        return without if origin_ms is None else holds(origin_ms + duration_ms)

    return evaluate


_HOLDS: Mapping[Operator, Callable[[int], Intervals]] = {
    "<": lambda reached_ms: (START, reached_ms),
    "<=": lambda reached_ms: (START, reached_ms + 1),
    ">": lambda reached_ms: (reached_ms + 1,),
    ">=": lambda reached_ms: (reached_ms,),
    "==": lambda reached_ms: (reached_ms, reached_ms + 1),
    "!=": lambda reached_ms: (START, reached_ms, reached_ms + 1),
}
"""When a time compares so with a duration that it reaches at a moment."""


def times_comparison(left: Origin, symbol: Operator, right: Origin) -> Callable[[Scene], Intervals]:
    return lambda scene: ALWAYS if _is_so(left(scene), symbol, right(scene)) else NEVER


def _is_so(first_ms: int | None, symbol: Operator, second_ms: int | None) -> bool:
    """Both times grow alike, so what holds once holds for ever: the later origin is the shorter time."""
    if first_ms is None and second_ms is None:
        return False
    if first_ms is None:
        return symbol in (">", ">=", "!=")
    if second_ms is None:
        return symbol in ("<", "<=", "!=")
    return ORDER[symbol](second_ms, first_ms)
