"""What a replay has done so far: the sender writes it, the progress display and the summary read it."""

from collections import Counter
from dataclasses import dataclass, field

from services.replay.reader import BadRow, Row

FEW = 10


@dataclass(slots=True)
class Counts:
    """Totals since the start. Each counts an event once, however often its request had to be repeated."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    bad_rows: int = 0
    users: set[str] = field(default_factory=set)
    first_bad_rows: list[BadRow] = field(default_factory=list)
    waiting_for: str | None = None
    """Why the collector is not taking events at this moment; None while it does."""
    rejections: Counter[str] = field(default_factory=Counter)
    """The first few different reasons for which the collector rejected events, and how often each came."""

    @property
    def answered(self) -> int:
        return self.accepted + self.rejected

    def note_event(self, event: Row) -> None:
        self.read += 1
        self.users.add(event["user_id"])

    def note_bad_row(self, row: BadRow) -> None:
        self.bad_rows += 1
        if len(self.first_bad_rows) < FEW:
            self.first_bad_rows.append(row)

    def note_answer(self, accepted: int, rejections: list[str]) -> None:
        self.accepted += accepted
        self.rejected += len(rejections)
        for reason in rejections:
            if reason in self.rejections or len(self.rejections) < FEW:
                self.rejections[reason] += 1
