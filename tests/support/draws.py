"""Values from Hypothesis strategies for tests that cannot be run a hundred times over, e.g. on a started product."""

from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def drawn(strategy: SearchStrategy[T], count: int, random: Random) -> list[T]:
    """`count` values or a few fewer, decided by the state of `random` alone."""
    found: list[T] = []

    @seed(random.getrandbits(64))
    @settings(max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found
