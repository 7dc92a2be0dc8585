"""The transition matrix: who went from which class to which, from one sample of a user to the next, over some days."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from services.segmentation.models.snapshots import Move

DAY_MS = 86_400_000
Letter = Literal["r", "f", "m"]
_PLACES: Mapping[Letter, int] = {"r": 0, "f": 1, "m": 2}


class Arrived(BaseModel):
    after: str
    users: int
    share: float = Field(description="of all in the row")


class MovesRow(BaseModel):
    before: str
    users: int = Field(description="who were in it and seen again; each counts once at every sample")
    to: list[Arrived] = Field(description="who stayed included")


class MovesAnswer(BaseModel):
    id: str
    by: Letter | None
    since: int | None = Field(description="the first moment of the first day that is counted; null: there is none")
    until: int | None = Field(description="the first moment after the last of them")
    users: int
    names: dict[str, str] = Field(description="what clusters are called, by id")
    rows: list[MovesRow]


class Period(NamedTuple):
    """Whole UTC days: all that have a part in it. None: however far the past is known."""

    since_ms: int | None
    until_ms: int | None

    def has(self, day: int) -> bool:
        begun = self.until_ms is None or day * DAY_MS < self.until_ms
        return begun and (self.since_ms is None or (day + 1) * DAY_MS > self.since_ms)


class Transitions:
    """The matrix, counted move by move; classes of RFM as one of their letters, where there is one."""

    def __init__(self, period: Period, letter: Letter | None = None) -> None:
        self._period, self._letter = period, letter
        self._rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._days: set[int] = set()

    def add(self, move: Move) -> None:
        if self._period.has(move.day):
            self._days.add(move.day)
            self._rows[_class(move.before, self._letter)][_class(move.after, self._letter)] += move.users

    def told(self) -> dict[str, Any]:
        """The members of an answer that follow from the moves."""
        return {
            "since": min(self._days) * DAY_MS if self._days else None,
            "until": (max(self._days) + 1) * DAY_MS if self._days else None,
            "users": sum(found.total() for found in self._rows.values()),
            "rows": [_row(before, self._rows[before]) for before in _in_order(self._rows)],
        }


def _row(before: str, found: Counter[str]) -> dict[str, Any]:
    users = found.total()
    to = [{"after": after, "users": found[after], "share": found[after] / (users or 1)} for after in _in_order(found)]
    return {"before": before, "users": users, "to": to}


def _in_order(classes: Iterable[str]) -> Sequence[str]:
    """c2 before c10."""
    return sorted(classes, key=lambda each: (len(each), each))


def _class(name: str, letter: Letter | None) -> str:
    return name if letter is None else name[_PLACES[letter] :][:1]
