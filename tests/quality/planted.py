"""Users of planted groups, as the samples that a trainer is told. The truth is known, so answers can be marked.

A user is a point near the heart of a group and stays there; each sample of the user is that point with some noise. What
happens to groups over time is told by a `Plot`: where the heart of a group is, and how many samples come from it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.segmentation.models.samples import Sample, Vector

Floats = NDArray[np.float64]
START_MS, STEP_MS = 1_700_000_000_000, 60_000
LIMIT = 25.0
"""No feature is farther from 0."""


@dataclass(frozen=True)
class Shape:
    """What the users of all groups are like."""

    dimensions: int
    apart: float = 5.0
    """The distance between the nearest two hearts, in deviations of a user."""
    correlated: bool = False
    tails: float | None = None
    """Degrees of freedom of Student's t; None for a normal distribution."""
    missing: float = 0.0
    """The part of values that is not there."""
    noise: float = 0.3
    """Of one sample, in deviations of a user."""
    look: Callable[[Floats, np.random.Generator], Floats] = lambda latent, _: latent
    """What is measured of a latent point, as of a user with such inclinations."""


@dataclass(frozen=True)
class Plot:
    """What becomes of groups. `weights` and `hearts` are told the part of the stream that is over, from 0 to 1."""

    weights: Callable[[float], Sequence[float]]
    hearts: Callable[[float, Floats], Floats] = lambda _, hearts: hearts


@dataclass(frozen=True)
class Told:
    """A sample and the group that its user was planted in, and where the user really is."""

    sample: Sample
    group: int
    part: float


@dataclass
class Planted:
    """A stream of samples. The same seed gives the same one, each time anew."""

    shape: Shape
    plot: Plot
    users: int
    samples: int
    seed: int
    hearts: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self._groups = len(self.plot.weights(0.0))
        self.hearts = hearts_apart(self._groups, self.shape.dimensions, self.shape.apart, self._chance)
        self._mixings = [self._mixing() for _ in range(self._groups)]
        each = self.users // self._groups
        self._offsets = [self._drawn(each) @ mixing for mixing in self._mixings]

    def __iter__(self) -> Iterator[Told]:
        self._chance = np.random.default_rng((self.seed, 1))
        for number in range(self.samples):
            part = number / self.samples
            weights = np.asarray(self.plot.weights(part), dtype=float)
            group = int(self._chance.choice(self._groups, p=weights / weights.sum()))
            which = int(self._chance.integers(len(self._offsets[group])))
            latent = self.plot.hearts(part, self.hearts)[group] + self._offsets[group][which]
            latent = latent + self.shape.noise * self._chance.standard_normal(self.shape.dimensions)
            user = group * 1_000_003 + which * 7_919 + self.seed
            yield Told(Sample(user, START_MS + number * STEP_MS, self._vector(latent)), group, part)

    def _vector(self, latent: Floats) -> Vector:
        seen = np.clip(self.shape.look(latent, self._chance), -LIMIT, LIMIT)
        gone = self._chance.random(len(seen)) < self.shape.missing
        return tuple(None if each else float(value) for value, each in zip(seen, gone, strict=True))

    def _drawn(self, users: int) -> Floats:
        size = (users, self.shape.dimensions)
        if self.shape.tails is None:
            return self._chance.standard_normal(size)
        spread = np.sqrt(self.shape.tails / (self.shape.tails - 2))
        return np.asarray(self._chance.standard_t(self.shape.tails, size) / spread)

    def _mixing(self) -> Floats:
        """How a group's features hang together; the deviation of each stays about 1."""
        d = self.shape.dimensions
        if not self.shape.correlated or d == 1:
            return np.eye(d)
        turned, _ = np.linalg.qr(self._chance.standard_normal((d, d)))
        return np.asarray(np.diag(self._chance.uniform(0.4, 1.5, d)) @ turned)


def hearts_apart(groups: int, dimensions: int, apart: float, chance: np.random.Generator) -> Floats:
    """As many points, the nearest two of which are `apart`, scattered as chance has it."""
    best = max(
        (chance.standard_normal((groups, dimensions)) for _ in range(200)),
        key=lambda points: nearest_two(points) / np.abs(points).max(),
    )
    return np.asarray(best * (apart / nearest_two(best)))


def nearest_two(points: Floats) -> float:
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    return float(gaps[np.triu_indices(len(points), 1)].min())
