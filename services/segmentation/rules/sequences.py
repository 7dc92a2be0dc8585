"""When the steps of a sequence were last completed. Everything that decides it lives here.

The latest chain that ends with an event goes back from it, each time to the latest event of the step before: no other
one begins later. Where that chain takes too long, so do those of all later events that go back to the same beginning.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand


def latest_completion(steps: Sequence[Strand], within_ms: int | None) -> Callable[[Scene], int | None]:
    """How to find the moment of the last event of the latest complete sequence; None where there is none."""
    *earlier, last = steps
    earlier.reverse()

    def find(scene: Scene) -> int | None:
        ends = scene.column(last).moments
        before = [scene.column(step).moments for step in earlier]
        index = len(ends) - 1
        while index >= 0:
            begin_ms = _begin_ms(before, ends[index])
            if begin_ms is None:
                return None
            if within_ms is None or ends[index] - begin_ms <= within_ms:
                return ends[index]
            index = bisect_right(ends, begin_ms + within_ms) - 1
        return None

    return find


def _begin_ms(before: Sequence[Sequence[int]], end_ms: int) -> int | None:
    """When the latest chain begins that ends at a moment, given the moments of the steps before, the last one first."""
    for moments in before:
        index = bisect_left(moments, end_ms) - 1
        if index < 0:
            return None
        end_ms = moments[index]
    return end_ms
