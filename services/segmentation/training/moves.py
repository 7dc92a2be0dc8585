"""Who went from which class to which, from one sample of a user to the next, by the day of the later one.

The law: a user is counted once at every sample but the first, staying included, so that a row of the matrix sums up to
those who were in a class. Users, days and pairs are bounded; the oldest make room.
"""

from collections import Counter
from collections.abc import Mapping
from math import inf
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
        self._sizes, self._most = Counter[str](), dict[str, int]()
        """By class, the users who are in it, and the most that it had."""

    def seen(self, user: int, class_name: str, at_ms: int) -> None:
        """A sample of a user, who is in this class now. Samples of a user come in their order."""
        before = self._classes.pop(user, None)
        self._classes[user] = class_name
        self._enter(before, class_name)
        if before is not None:
            self._count(at_ms // DAY_MS, (before, class_name))
        elif len(self._classes) > MOST_USERS:
            self._sizes[self._classes.pop(next(iter(self._classes)))] -= 1

    def moves(self) -> tuple[Move, ...]:
        """By day, then by class before and after."""
        return tuple(
            Move(day, *pair, users)
            for day, pairs in sorted(self._days.items())
            for pair, users in sorted(pairs.items())
        )

    def gone_to(self) -> Mapping[str, str]:
        """By class, the one to which half as many have gone, and not come back, as were ever in it at a time."""
        flows = Counter[tuple[str, str]]()
        for pairs in self._days.values():
            flows.update(pairs)
        return {
            before: after
            for (before, after), users in sorted(flows.items())
            if before != after and 2 * (users - flows[after, before]) >= self._most.get(before, inf)
        }

    def state(self) -> dict[str, Any]:
        """What JSON holds, and brings back as it was."""
        return {
            "classes": [list(item) for item in self._classes.items()],
            "moves": [list(move) for move in self.moves()],
            "most": self._most,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        moves = cls()
        moves._classes = dict(state["classes"])
        moves._sizes = Counter(moves._classes.values())
        moves._most = dict(state.get("most", {}))
        for day, before, after, users in state["moves"]:
            moves._count(day, (before, after), users)
        return moves

    def _enter(self, before: str | None, now: str) -> None:
        if before != now:
            self._sizes[now] += 1
            self._most[now] = max(self._most.get(now, 0), self._sizes[now])
            if before is not None:
                self._sizes[before] -= 1

    def _count(self, day: int, pair: tuple[str, str], users: int = 1) -> None:
        pairs = self._days.setdefault(day, {})
        self._pairs += pair not in pairs
        pairs[pair] = pairs.get(pair, 0) + users
        while len(self._days) > MOST_DAYS or (self._pairs > MOST_PAIRS and len(self._days) > 1):
            self._pairs -= len(self._days.pop(min(self._days)))
