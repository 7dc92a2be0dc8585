"""What the owner of a partition knows of the changes that it tells, and what the next write is to do for them. No I/O.

It is right for as long as no write is refused, since each write names the one before it.
"""

import secrets
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from services.stream_worker.ear import Ear
from services.stream_worker.write import Telling, Write

MAX_WAITING = 100_000
"""Changes of a partition that may wait to be published: past it no more records are applied."""


class Waiting(NamedTuple):
    """Changes that wait in the outbox: the user id and the JSON of each."""

    id: bytes
    changes: Sequence[tuple[str, bytes]]

    @property
    def since_ms(self) -> int:
        """By the clock of Redis."""
        return int(self.id.partition(b"-")[0])


class Published(NamedTuple):
    """An entry that the outbox still holds although the changes log has it: no more of it than its removal takes."""

    id: bytes
    changes: int


class Book:
    def __init__(self, *, begins: bool, begun: int, waiting: int, ear: Ear, consent: str = "") -> None:
        self.ear = ear
        self.begins = begins
        """Whether telling begins anew with the next write."""
        self.begun = _new_number() if begins else begun
        """A number that no other beginning of telling has: what is told in the beginning has ids made of it."""
        self.consent = consent
        """Whether consent is required, "0" or "1", where the next write is to say so; else empty."""
        self.waiting = waiting
        """How many changes the outbox holds."""
        self.next_ms = -inf
        """Time has nothing to tell before."""
        self.seen_ms = 0
        """Every record that was appended before is applied."""
        self.since_ms: int | None = None
        """Since when the oldest change waits that is not published; None where that is not known."""
        self.published: list[Published] = []

    @property
    def is_full(self) -> bool:
        return self.waiting >= MAX_WAITING

    @property
    def unpublished(self) -> int:
        """How many changes wait that the changes log does not have."""
        return max(0, self.waiting - _changes_in(self.published))

    @property
    def last_published(self) -> bytes | None:
        return self.published[-1].id if self.published else None

    def found(self, entries: Sequence[Waiting]) -> None:
        """These are the next to be published."""
        self.since_ms = entries[0].since_ms if entries else None

    def publish(self, entries: Sequence[Waiting]) -> None:
        """The changes log has these, which came next."""
        self.published += [Published(each.id, len(each.changes)) for each in entries]
        if not self.unpublished:
            self.since_ms = None

    @property
    def removable(self) -> Sequence[Published]:
        """What the next write takes out of the outbox: nothing while it matters what is in it."""
        return () if self.ear.hearing.any_lost else tuple(self.published)

    def next_write(self, writes: Sequence[Write]) -> Telling:
        """What it does beside telling those changes."""
        ear, gone, changes = self.ear, self.removable, sum(len(write.changes) for write in writes)
        return Telling(
            begin=self.begun if self.begins else None,
            published=[entry.id for entry in gone],
            gone=_changes_in(gone),
            consent=self.consent,
            teller=ear.teller,
            number=ear.number + 1,
            adopted=ear.adopting or (),
            heard=ear.told(changes) if changes or self.begins or ear.adopting is not None else b"",
        )

    def accept(self, telling: Telling, writes: Sequence[Write], now_ms: int) -> None:
        """The write is made."""
        added = sum(len(write.changes) for write in writes)
        if added and not self.unpublished:
            self.since_ms = now_ms
        self.begins, self.consent = False, ""
        self.waiting += added - telling.gone
        del self.published[: len(telling.published)]
        told = [write.told for write in writes if write.told] + [told for _member, told in telling.adopted]
        self.next_ms = min([self.next_ms, *(each.next_ms for each in told if each.next_ms is not None)])
        self.ear.accept(added, now_ms)


def _new_number() -> int:
    return int(secrets.token_hex(6), 16)


def _changes_in(entries: Sequence[Published]) -> int:
    return sum(entry.changes for entry in entries)
