"""When requests are due. It does not depend on answers, which is what makes the load open-loop: a server that stalls
gets all that was due meanwhile, and its stall counts for every one of them (G. Tene, "How NOT to Measure Latency").
"""

import math
from collections.abc import Callable, Iterator

GRAIN_S = 0.01


def arrivals(rate_at: Callable[[float], float], begin_s: float, end_s: float) -> Iterator[float]:
    """The moments from `begin_s` on, before `end_s`, at which the integral of the rate passes a whole number.

    `rate_at(t)` is the rate at a moment, a second; it is taken as even within a hundredth of a second.
    """
    passed = 0.0
    for step in range(math.ceil((end_s - begin_s) / GRAIN_S)):
        since_s = begin_s + step * GRAIN_S
        rate = rate_at(since_s + GRAIN_S / 2)
        until = passed + rate * min(GRAIN_S, end_s - since_s)
        for number in range(math.ceil(passed), math.ceil(until)):
            yield since_s + (number - passed) / rate
        passed = until
