"""The users that were sampled last, each as it was then. Sizes, shares and names are taken from them.

The law: users count here, not events. Whoever is sampled again takes his own place, and the one who was not seen for
the longest makes room.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from services.segmentation.models.samples import Vector


class Row(NamedTuple):
    user: int
    """A pseudonym."""
    at_ms: int
    features: Vector
    label: bool | None = None
    """Whether the user is an example of what is sought; None where nothing is."""


class Recent:
    def __init__(self, capacity: int = 4_000) -> None:
        self._capacity = capacity
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, user: int, at_ms: int, features: Vector, label: bool | None = None) -> None:
        """The newest sample of a user; what was known of him before is forgotten."""
        self._rows.pop(user, None)
        self._rows[user] = Row(user, at_ms, features, label)
        if len(self._rows) > self._capacity:
            del self._rows[next(iter(self._rows))]

    def rows(self) -> Sequence[Row]:
        """One of each user, the newest last."""
        return tuple(self._rows.values())

    def state(self) -> dict[str, Any]:
        """What JSON holds, and brings back as it was."""
        rows = [[row.user, row.at_ms, list(row.features), row.label] for row in self._rows.values()]
        return {"capacity": self._capacity, "rows": rows}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        recent = cls(state["capacity"])
        for user, at_ms, features, label in state["rows"]:
            recent.add(user, at_ms, tuple(features), label)
        return recent
