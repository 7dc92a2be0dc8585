"""What the changes log says beyond what Redis remembers of it: whose changes were told in a time that is lost.

The law: each change carries who told it, a name that every opening of a partition has anew, and its number. Up to which
number of whom what is stored takes account of is stored together with it. What has a greater number is of a time
that Redis has lost, whenever it appears: it was told to consumers, who drop nothing but ids that they have seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.segmentation.changes.told import Heard, Told

RECENT = 2_000
"""Ids that are remembered, so that a change is known that was told both in a lost time and since."""


class Spoken(NamedTuple):
    """A change in the changes log, or on its way there."""

    teller: str
    number: int
    member: str
    heard: Heard


class Mark(NamedTuple):
    """The greatest numbers of a teller: of what is stored, and of what was seen in the changes log."""

    told: int = 0
    seen: int = 0


@dataclass
class Lost:
    """What the changes log says of a user, maybe something that is lost. Of each id only the first counts, as it does
    for consumers."""

    order: list[Heard] = field(default_factory=list)
    kept: dict[str, Heard] = field(default_factory=dict)
    """What is stored takes account of these, by id."""
    lost: dict[str, Heard] = field(default_factory=dict)
    """Those of a time that is lost, also where they were told again since."""
    last: int = -1
    """The offset of the last of these."""

    def added_to(self, told: Told) -> Told | None:
        """What was told, with what consumers know beyond it; None where that is nothing."""
        ahead = [each for each in self.lost.values() if each.id not in self.kept]
        if self.order == [*self._before, *self.lost.values()] and self._is_retold:
            return told.heard(ahead, self.last) if ahead else None
        whole = told.heard(self.order, self.last)
        return whole if whole.is_silent else whole.believed()

    @property
    def _before(self) -> list[Heard]:
        """What is not lost has to come first, for the rest to be what is told next."""
        return [each for each in self.kept.values() if each.id not in self.lost]

    @property
    def _is_retold(self) -> bool:
        """Whether what was told again since are the first of those that are lost."""
        again = [each for each in self.kept if each in self.lost]
        return again == list(self.lost)[: len(again)]


class Hearing:
    """Of one partition. It is told all that the changes log holds from some position on, in order."""

    def __init__(self, marks: Mapping[str, Mark]) -> None:
        self.marks = dict(marks)
        self.heard: dict[str, Lost] = {}
        """By member, since `forget`; also those of whom nothing is lost."""
        self.any_lost = False
        self._recent: dict[str, None] = {}

    @property
    def any_unseen(self) -> bool:
        """Whether what is stored takes account of changes that were not seen in the changes log."""
        return any(mark.seen < mark.told for mark in self.marks.values())

    def hear(self, spoken: Spoken, offset: int) -> None:
        mark = self.marks.get(spoken.teller, Mark())
        if spoken.number > mark.seen:
            self.marks[spoken.teller] = Mark(max(mark.told, spoken.number), spoken.number)
            self._note(spoken, None if spoken.number <= mark.told else offset)

    def wait(self, spoken: Spoken) -> None:
        """It will stand in the changes log later than all that was heard."""
        mark = self.marks.get(spoken.teller, Mark())
        if mark.seen < spoken.number <= mark.told:
            self._note(spoken, None)

    def tell(self, teller: str, number: int) -> None:
        """What is stored takes account of a teller up to a number."""
        self.marks[teller] = self.marks.pop(teller, Mark())._replace(told=number)

    def forget(self) -> None:
        """What was heard so far is taken account of."""
        if self.heard:
            self._recent |= {heard.id: None for each in self.heard.values() for heard in each.order}
            for oldest in list(self._recent)[:-RECENT]:
                del self._recent[oldest]
        self.heard, self.any_lost = {}, False

    def _note(self, spoken: Spoken, lost_at: int | None) -> None:
        heard = spoken.heard
        of = self.heard.setdefault(spoken.member, Lost())
        if heard.id in self._recent:
            return
        if heard.id not in of.kept and heard.id not in of.lost:
            of.order.append(heard)
        if lost_at is None:
            of.kept.setdefault(heard.id, heard)
        elif heard.id not in of.kept:
            of.lost.setdefault(heard.id, heard)
            of.last = lost_at
            self.any_lost = True
