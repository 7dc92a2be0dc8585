"""What the owner of a partition knows of its counts, and what the next write is to make of them. No I/O.

It is right for as long as no write is refused, since each write names the one before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.segmentation.membership import Membership
from services.segmentation.sizes import MAX_SPACES, Tally, net
from services.segmentation.wheel import DAY_MS, Stretch, Wheel

MIN_OVERGROWN = 64
"""Records are netted when that throws away half as many as it leaves, but not for fewer than this."""

CROWDED = 50_000
"""Records of a day that is cut into hours before it comes near, so that no script takes much longer than a millisecond
to read or to write what is kept of a stretch."""

Move = tuple[str, Membership | None, Membership]
"""A space, and the membership of one of its users before and after."""


class Edit(NamedTuple):
    """What a write does to what is kept of one stretch: first forget, then add."""

    stretch: Stretch
    sizes: Mapping[int, int] = {}
    records: Sequence[int] = ()
    taken_back: int = 0
    """The number of records that are the opposite of an earlier one of the stretch."""
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
        self.overgrown: dict[Stretch, int] = {}
        """Stretches whose records are worth netting, with their number as far as it is known."""
        self.crowded: set[Stretch] = set()
        """Days that hold too much."""
        self._due_ms = wheel.due_ms
        self._spaces = {space: number for number, space in enumerate(spaces)}
        self._held: dict[Stretch, int] = {}
        """The number of records, as far as known: of those from before the partition was opened nothing is."""
        self._idle: dict[Stretch, int] = {}
        """How many of them netting would throw away."""

    @property
    def is_due(self) -> bool:
        return self.now_ms >= self._due_ms or bool(self.overgrown) or bool(self.crowded)

    def turned(self) -> tuple[Stretch, Wheel] | None:
        """The next stretch to be kept another way, and the wheel from then on; None when nothing is due."""
        return self.wheel.turned(self.now_ms) or (self.wheel.finer() if self.crowded else None)

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
        edits = [Edit(stretch, part.sizes, part.records, part.taken_back) for stretch, part in tally.ahead.items()]
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
            self._forget(stretch)
        if not edit.records:
            return
        held = self._held[stretch] = self._held.get(stretch, 0) + len(edit.records)
        idle = self._idle[stretch] = self._idle.get(stretch, 0) + 2 * edit.taken_back
        if idle > max(MIN_OVERGROWN, (held - idle) // 2):
            self.overgrown[stretch] = held
        if held > CROWDED and stretch.length_ms == DAY_MS:
            self.crowded.add(stretch)

    def _forget(self, stretch: Stretch) -> None:
        for known in (self._held, self._idle, self.overgrown):
            known.pop(stretch, None)
        self.crowded.discard(stretch)


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
