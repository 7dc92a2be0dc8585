"""The streams that clusterings are judged on: many sorts of groups, each stream made by chance from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tests.quality import looks, plots
from tests.quality.planted import Planted, Plot, Shape


@dataclass(frozen=True)
class Scenario:
    name: str
    shape: Shape
    plot: Plot
    groups: int
    samples: int = 12_000
    users: int = 3_000
    ends_as_one: bool = False
    """Whether the first two groups are one in the end."""

    def stream(self, seed: int) -> Planted:
        return Planted(self.shape, self.plot, self.users, self.samples, seed)


def standing(seed: int) -> Iterator[Scenario]:
    """Groups that stay: what is asked is whether they are found."""
    chance = np.random.default_rng(seed)

    def some(shape: Shape) -> tuple[int, Shape]:
        dimensions = int(chance.choice([2, 4, 8, 16, 24]))
        return int(chance.integers(3, 13)), replace(shape, dimensions=dimensions)

    plain = Shape(2, apart=6)
    sorts = {
        "round groups": plain,
        "close groups": replace(plain, apart=4),
        "correlated features": replace(plain, correlated=True, apart=7),
        "heavy tails": replace(plain, tails=3, apart=6),
        "values missing": replace(plain, missing=0.1, apart=7),
    }
    for name, sort in sorts.items():
        groups, shape = some(sort)
        yield Scenario(name, shape, plots.steady(groups), groups)
    groups, shape = some(plain)
    yield Scenario("unequal sizes", shape, plots.unequal(groups), groups)
    for name, look in (
        ("counts", looks.counts),
        ("zero-inflated", looks.zero_inflated),
        ("all sorts", looks.of_all_sorts),
    ):
        groups = int(chance.integers(3, 9))
        shape = replace(plain, dimensions=int(chance.choice([8, 16, 24])), look=look)
        yield Scenario(name, shape, plots.steady(groups), groups)


def moving(seed: int) -> Iterator[Scenario]:
    """Groups to which something happens: what is asked is also whether the others keep their ids."""
    chance = np.random.default_rng(seed)
    for name, plot in (
        ("drift", plots.drifting),
        ("one fades", plots.fading),
        ("one appears", plots.appearing),
        ("one is silent, and returns", plots.silent),
        ("one splits", plots.splitting),
        ("two merge", plots.merging),
    ):
        groups = int(chance.integers(4, 10))
        shape = Shape(int(chance.choice([2, 4, 8, 16])), apart=6)
        ends_as_one = plot is plots.merging
        yield Scenario(name, shape, plot(groups), groups, samples=20_000, ends_as_one=ends_as_one)
