"""Which users are asked for: all alike, or few of them most of the time (Zipf's law)."""

import random
from collections.abc import Sequence
from itertools import accumulate

from loadtests.bench.errors import BenchError

ZIPF = 1.1


def exponent(skew: str) -> float:
    """Of `uniform`, of `zipf`, or of a number. Raises BenchError."""
    named = {"uniform": 0.0, "zipf": ZIPF}
    try:
        return named[skew] if skew in named else float(skew)
    except ValueError:
        raise BenchError(f"--skew is uniform, zipf or an exponent, and not {skew}") from None


def asked(user_ids: Sequence[str], skew: float, count: int, seed: int = 1) -> list[str]:
    """`count` users in the order in which they are asked for: the nth as often as n ** -skew says."""
    chance = random.Random(seed)  # noqa: S311 - a workload, no secret
    weights = list(accumulate(rank**-skew for rank in range(1, len(user_ids) + 1)))
    return chance.choices(user_ids, cum_weights=weights, k=count)
