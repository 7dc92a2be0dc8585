"""Who went from which class to which, from one sample of a user to the next, by the day of the later one.

The law: a user is counted once at every sample but the first, staying included, so that a row of the matrix sums up to
those who were in a class. Users, days and pairs are bounded; the oldest make room.
"""

from collections.abc import Mapping
from typing import Any, Self

from services.segmentation.models.snapshots import Move

DAY_MS = 86_400_000
MOST_USERS = 20_000
MOST_DAYS = 400
MOST_PAIRS = 100_000
"""Of all days together."""


class Moves:
    def __init__(self) -> None:
        self._classes: dict[int, str] = {}
        self._days: dict[int, dict[tuple[str, str], int]] = {}
        self._pairs = 0

    def seen(self, user: int, class_name: str, at_ms: int) -> None:
        """A sample of a user, who is in this class now. Samples of a user come in their order."""
        before = self._classes.pop(user, None)
        self._classes[user] = class_name
        if before is not None:
            self._count(at_ms // DAY_MS, (before, class_name))
        elif len(self._classes) > MOST_USERS:
            del self._classes[next(iter(self._classes))]

    def moves(self) -> tuple[Move, ...]:
        """By day, then by class before and after."""
        return tuple(
            Move(day, *pair, users)
            for day, pairs in sorted(self._days.items())
            for pair, users in sorted(pairs.items())
        )

    def state(self) -> dict[str, Any]:
        """What JSON holds, and brings back as it was."""
        return {
            "classes": [list(item) for item in self._classes.items()],
            "moves": [list(move) for move in self.moves()],
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        moves = cls()
        moves._classes = dict(state["classes"])
        for day, before, after, users in state["moves"]:
            moves._count(day, (before, after), users)
        return moves

    def _count(self, day: int, pair: tuple[str, str], users: int = 1) -> None:
        pairs = self._days.setdefault(day, {})
        self._pairs += pair not in pairs
        pairs[pair] = pairs.get(pair, 0) + users
        while len(self._days) > MOST_DAYS or (self._pairs > MOST_PAIRS and len(self._days) > 1):
            self._pairs -= len(self._days.pop(min(self._days)))
