"""The panel: users who stand for all, each as the newest sample shows him. Scales, shares, percentiles and names are
taken from it.

The law: users count here, not events. Of all who were ever sampled those are on the panel whom a draw by their
pseudonyms has chosen, where one who was last seen a half-life before another has half the chance. So a site of
millions is seen as it was in weeks, not in its last hours, and who is gone for long makes room. It does not matter in
which order they came: weighted sampling of Efraimidis and Spirakis (Information Processing Letters 97, 2006), with the
draw of each user fixed and weights that grow with time.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b
from heapq import nlargest
from typing import Any, NamedTuple

from services.segmentation.models.samples import Vector

CAPACITY = 4_000


class Row(NamedTuple):
    user: int
    """A pseudonym."""
    at_ms: int
    features: Vector
    label: bool | None = None
    """Whether the user is an example of what is sought; None where nothing is."""


class Panel:
    """`salt`, at most 64 bytes, is for nobody to choose a pseudonym that is drawn."""

    def __init__(self, half_life_ms: float, salt: bytes, capacity: int = CAPACITY) -> None:
        self._half_life_ms, self._salt, self._capacity = half_life_ms, salt, capacity
        self._rows: dict[int, Row] = {}
        self._luck: dict[int, float] = {}

    def add(self, user: int, at_ms: int, features: Vector, label: bool | None = None) -> None:
        """What was known of a user before is forgotten, unless it is newer, as where a log is read again."""
        before = self._rows.pop(user, None)
        row = Row(user, at_ms, features, label)
        self._rows[user] = row if before is None or before.at_ms <= at_ms else before
        if user not in self._luck:
            self._luck[user] = self._drawn(user)
        if len(self._rows) >= self._capacity + max(1, self._capacity // 8):  # sorting for each would take long
            self._choose()

    def rows(self) -> Sequence[Row]:
        """One of each user, the one added last at the end."""
        self._choose()
        return tuple(self._rows.values())

    def state(self) -> list[Any]:
        """What JSON holds, and brings back as it was."""
        return [[row.user, row.at_ms, list(row.features), row.label] for row in self.rows()]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        for user, at_ms, features, label in state:
            self.add(user, at_ms, tuple(features), label)

    def _choose(self) -> None:
        """Whoever is not chosen now would not be later, unless seen again: chances only grow with what is newer."""
        if len(self._rows) > self._capacity:
            chosen = set(nlargest(self._capacity, self._rows, key=self._standing))
            self._rows = {user: row for user, row in self._rows.items() if user in chosen}
            self._luck = {user: self._luck[user] for user in self._rows}

    def _standing(self, user: int) -> tuple[float, int]:
        return self._luck[user] + self._rows[user].at_ms / self._half_life_ms, user

    def _drawn(self, user: int) -> float:
        """In half-lives; of Gumbel's distribution, so that the largest of its sums with the logarithms of weights are
        a sample by weights."""
        number = int.from_bytes(blake2b(b"%d" % user, digest_size=8, key=self._salt).digest())
        return -math.log2(-math.log((number + 0.5) / 2**64))
