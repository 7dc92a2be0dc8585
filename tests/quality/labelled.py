"""Streams for what learns from examples: look-alikes of a hidden group, and deeds that features foretell."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.segmentation.models.samples import Outcome, Sample, Told
from tests.quality.planted import LIMIT, START_MS, Floats

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass
class Alike:
    """Users of whom some are of a hidden group; of the group, only a part is known to be, the seed.

    The look-alikes wanted are those of the group who are not in the seed.
    """

    dimensions: int
    group: float
    """The part of users who are of the hidden group."""
    known: float
    """The part of the group that is in the seed."""
    strength: float
    """How far the group is from all others, in deviations."""
    users: int = 4_000
    samples: int = 16_000
    seed: int = 1
    crooked: bool = False
    """Whether features are counts instead of amounts."""

    def __post_init__(self) -> None:
        chance = np.random.default_rng(self.seed)
        self.is_member = chance.random(self.users) < self.group
        self.is_seed = self.is_member & (chance.random(self.users) < self.known)
        direction = chance.standard_normal(self.dimensions)
        direction *= self.strength / np.linalg.norm(direction)
        scales = np.exp(chance.standard_normal(self.dimensions))
        points = chance.standard_normal((self.users, self.dimensions)) + self.is_member[:, None] * direction
        self.points: Floats = points * scales

    def __iter__(self) -> Iterator[tuple[int, Sample]]:
        self._chance = np.random.default_rng((self.seed, 1))
        for number in range(self.samples):
            user = int(self._chance.integers(self.users))
            seen = self.points[user] + 0.2 * self._chance.standard_normal(self.dimensions)
            if self.crooked:
                seen = np.log1p(self._chance.poisson(np.exp(np.clip(seen, -3, 6))))
            vector = tuple(float(value) for value in np.clip(seen, -LIMIT, LIMIT))
            yield user, Sample(user, START_MS + number * 60_000, vector, bool(self.is_seed[user]))


@dataclass
class Buying:
    """Users who buy at a rate that their features tell of. `Outcome`s come when they happen, among the samples."""

    dimensions: int
    often: float
    """Purchases of a middling user within the horizon."""
    strength: float
    users: int = 3_000
    days: int = 60
    horizon_days: int = 7
    samples_per_day: int = 300
    seed: int = 1

    def __post_init__(self) -> None:
        chance = np.random.default_rng(self.seed)
        self.points: Floats = chance.standard_normal((self.users, self.dimensions))
        direction = chance.standard_normal(self.dimensions)
        direction *= self.strength / np.linalg.norm(direction)
        self.per_day = self.often / self.horizon_days * np.exp(self.points @ direction)

    def chance_of(self, user: int) -> float:
        """That the user buys within the horizon: the truth."""
        return float(1 - np.exp(-self.per_day[user] * self.horizon_days))

    def __iter__(self) -> Iterator[Told]:
        self._chance = np.random.default_rng((self.seed, 1))
        for day in range(self.days):
            told: list[Told] = []
            for user in self._chance.integers(self.users, size=self.samples_per_day):
                at_ms = START_MS + day * DAY_MS + int(self._chance.integers(DAY_MS))
                told.append(Sample(int(user), at_ms, self._vector(int(user))))
            for user, times in enumerate(self._chance.poisson(self.per_day)):
                told += [
                    Outcome(user, START_MS + day * DAY_MS + int(self._chance.integers(DAY_MS))) for _ in range(times)
                ]
            yield from sorted(told, key=lambda each: each.at_ms)

    def _vector(self, user: int) -> tuple[float, ...]:
        seen = self.points[user] + 0.1 * self._chance.standard_normal(self.dimensions)
        return tuple(float(value) for value in np.clip(seen, -LIMIT, LIMIT))
