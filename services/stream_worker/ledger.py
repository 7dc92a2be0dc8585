"""What the owner of a partition knows of its counts, and what the next write is to make of them. No I/O.

It is right for as long as no write is refused, since each write names the one before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.segmentation.membership import Membership
from services.segmentation.sizes import MAX_SPACES, Tally, net
from services.segmentation.wheel import Stretch, Wheel

MIN_OVERGROWN = 256
"""Records are netted when more were added than there were, but not for fewer than this."""

Move = tuple[str, Membership | None, Membership]
"""A space, and the membership of one of its users before and after."""


class Edit(NamedTuple):
    """What a write does to what is kept of one stretch: first forget, then add."""

    stretch: Stretch
    sizes: Mapping[int, int] = {}
    records: Sequence[int] = ()
    forget_sizes: bool = False
    forget_records: bool = False


class Entry(NamedTuple):
    """What a write does to the counts of a partition. `wheel` is the one that they are kept by from then on."""

    wheel: Wheel
    new_spaces: Sequence[str] = ()
    over: Mapping[int, int] = {}
    edits: Sequence[Edit] = ()

    @property
    def changes(self) -> int:
        """The number of sizes that it changes, which is what makes a write long."""
        return len(self.over) + sum(len(edit.sizes) for edit in self.edits)


class Ledger:
    def __init__(self, turn: str, now_ms: int, wheel: Wheel, spaces: Sequence[str]) -> None:
        self.turn, self.now_ms, self.wheel = turn, now_ms, wheel
        self.overgrown: set[Stretch] = set()
        """Stretches whose records are worth netting."""
        self._due_ms = wheel.due_ms
        self._spaces = {space: number for number, space in enumerate(spaces)}
        self._kept: dict[Stretch, int] = {}
        """The number of records when they were last netted."""
        self._added: dict[Stretch, int] = {}
        """Records added since."""

    @property
    def is_due(self) -> bool:
        return self.now_ms >= self._due_ms or bool(self.overgrown)

    def go_on(self, now_ms: int) -> None:
        """Time does, and never back: what is over is not told from what was over before."""
        self.now_ms = max(self.now_ms, now_ms)

    def count(self, moves: Iterable[Move]) -> Entry:
        """Of users whose memberships change."""
        tally, spaces = Tally(self.wheel, self.now_ms), self._spaces.copy()
        for space, before, after in moves:
            number = spaces.setdefault(space, len(spaces))
            if number < MAX_SPACES:
                tally.replace(number, before, after)
        edits = [Edit(stretch, part.sizes, part.records) for stretch, part in tally.ahead.items()]
        return Entry(self.wheel, list(spaces)[len(self._spaces) : MAX_SPACES], tally.over, edits)

    def accept(self, turn: str, entry: Entry) -> None:
        """The entry is written."""
        self.turn, self.wheel, self._due_ms = turn, entry.wheel, entry.wheel.due_ms
        for space in entry.new_spaces:
            self._spaces[space] = len(self._spaces)
        for edit in entry.edits:
            self._watch_growth(edit)

    def _watch_growth(self, edit: Edit) -> None:
        stretch = edit.stretch
        if edit.forget_records:
            self.overgrown.discard(stretch)
            self._added.pop(stretch, None)
            self._kept.pop(stretch, None)
            if edit.records:
                self._kept[stretch] = len(edit.records)
            return
        added = self._added[stretch] = self._added.get(stretch, 0) + len(edit.records)
        if added > max(MIN_OVERGROWN, self._kept.get(stretch, 0)):
            self.overgrown.add(stretch)


def over(stretch: Stretch, wheel: Wheel, sizes: Mapping[int, int]) -> Entry:
    """A stretch is over: its sizes join those of all that is over, and its moments no longer matter."""
    return Entry(wheel, over=sizes, edits=[Edit(stretch, forget_sizes=True, forget_records=True)])


def split(stretch: Stretch, wheel: Wheel, records: Sequence[int], now_ms: int) -> Entry:
    """A stretch comes near: what is kept of it is kept by finer ones."""
    tally = Tally(wheel, now_ms)
    tally.add_records(stretch, net(records))
    finer = [Edit(each, part.sizes, part.records, forget_records=True) for each, part in tally.ahead.items()]
    return Entry(wheel, over=tally.over, edits=[Edit(stretch, forget_sizes=True, forget_records=True), *finer])


def netted(wheel: Wheel, records: Mapping[Stretch, Sequence[int]]) -> Entry:
    """The records of some stretches, without what was taken back."""
    return Entry(wheel, edits=[Edit(stretch, {}, net(each), forget_records=True) for stretch, each in records.items()])
