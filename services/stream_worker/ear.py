"""What the owner of a partition knows of the changes log, which says what was told whatever Redis remembers. No I/O.

The law: what is stored takes account of the changes log up to `position`, but for what is heard of there to be lost
and not yet adopted. That is adopted as soon as it is certain what consumers hear after it: all that this owner told
is either seen in the changes log by then or waits in the outbox, which is why nothing leaves the outbox meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from services.runtime.event_log.tail import Stretch
from services.segmentation.changes import Hearing, Mark, Told
from services.segmentation.wire.changes import decode_marks, decode_spoken, encode_marks

MOST_MARKS = 16
"""Tellers that are remembered: the newest ones."""


class Ear:
    def __init__(
        self, teller: str, position: int | None, marks: Mapping[str, Mark], *, ahead: bool = False, now_ms: int = 0
    ) -> None:
        """`teller` is a name that nobody had before. None for a position is the end, wherever that is."""
        self.teller, self.number = teller, 0
        """Who tells, and how many changes it has told."""
        self.position = position
        self.hearing = Hearing(marks)
        self.listening = True
        """Whether it has to be heard what there is, before more is told."""
        self.ahead_ms = now_ms if ahead else None
        """Since when consumers are known to be ahead of some users; None while they are not."""
        self.adopting: Sequence[tuple[str, Told]] | None = None
        """By member, what the next write adopts."""
        self._target: int | None = None
        """Up to where to listen; None where that is to be asked."""
        self._kept = position, self.hearing.marks.copy()

    @classmethod
    def opened(cls, teller: str, stored: bytes | None, *, begins: bool, now_ms: int) -> Self:
        """Where telling begins anew, all that the changes log holds is of a lost time."""
        if begins or stored is None:
            return cls(teller, 0 if begins else None, {})
        position, marks, ahead = decode_marks(stored)
        return cls(teller, position, marks, ahead=ahead, now_ms=now_ms)

    @property
    def is_ready(self) -> bool:
        """Whether what is lost can be adopted."""
        return self.hearing.any_lost and (self._is_at_target or not self.hearing.any_unseen)

    def has_seen(self, change: bytes) -> bool:
        """Whether the changes log is known to hold it."""
        spoken = decode_spoken(change)
        return spoken is not None and spoken.number <= self.hearing.marks.get(spoken.teller, Mark()).seen

    def ends(self, end: int) -> int:
        """The changes log ends there, as of now; returns where to read on."""
        self.position = end if self.position is None else min(self.position, end)
        if self._target is None:
            self._target = end
        return self.position

    def take(self, found: Stretch) -> None:
        lost_before = self.hearing.any_lost
        for record in found.records:
            spoken = decode_spoken(record.value)
            if spoken is not None:
                self.hearing.hear(spoken, record.offset)
        self.position = found.next
        if not self.hearing.any_lost:
            self._go_on()
        elif not lost_before:
            self.listening, self._target = True, None  # what has left the outbox by now comes before the end

    def told(self, count: int) -> bytes:
        """What to store with a write that tells so many changes."""
        position, marks = self._kept if self.adopting is None else (self.position, self.hearing.marks)
        number = self.number + count
        mine = {self.teller: Mark(number, marks.get(self.teller, Mark()).seen)} if number else {}
        others = {teller: mark for teller, mark in marks.items() if teller not in mine}
        ahead = self.adopting is not None or self.ahead_ms is not None
        return encode_marks(position, dict([*others.items(), *mine.items()][-MOST_MARKS:]), ahead=ahead)

    def accept(self, count: int, now_ms: int) -> None:
        """The write is made."""
        if count:
            self.number += count
            self.hearing.tell(self.teller, self.number)
        if self.adopting is not None:
            self.adopting, self.ahead_ms = None, now_ms
            self._go_on()

    def settled(self) -> None:
        """Consumers are no longer ahead of anybody."""
        self.ahead_ms = None

    @property
    def _is_at_target(self) -> bool:
        return self._target is not None and self.position is not None and self.position >= self._target

    def _go_on(self) -> None:
        """What is stored takes account of all that was heard."""
        self.hearing.forget()
        self._kept = self.position, self.hearing.marks.copy()
        if self._is_at_target:
            self.listening, self._target = False, None
