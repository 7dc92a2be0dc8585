"""How the log of one event type has grown, as the columns of its strands have to know it."""

from collections.abc import Sequence

from services.segmentation.index import Strands
from services.segmentation.profile import Entry, TypeLog
from services.segmentation.rules.strands import Column, Strand


class Growth:
    __slots__ = ("_come", "_gone", "_in_order", "_log", "only_adds", "strands")

    def __init__(self, strands: Strands, before: TypeLog, after: TypeLog) -> None:
        gone, come, self._in_order = _difference(before, after)
        self.only_adds = self._in_order and not gone
        """Whether events have come that are newer than all there were, and none has gone."""
        self._log = after
        self._gone, self._come = strands.sorted(gone), strands.sorted(come)
        self.strands = dict.fromkeys(self._come, 0)
        """What changes, and how many events it loses."""
        if strands.whole is not None:  # lifetimes count what is in no column
            self.strands[strands.whole] = 0
        for strand, entries in self._gone.items():
            self.strands[strand] = len(entries)

    def enter(self, columns: dict[Strand, Column]) -> None:
        """Bring the columns up to the log."""
        if not self._in_order:
            for strand in self.strands:
                columns[strand] = Column(strand.of(self._log.entries))
        else:
            for strand, entries in self._gone.items():
                columns[strand].shift(entries)
            for strand, entries in self._come.items():
                column = columns.get(strand)
                if column is None:
                    columns[strand] = Column(entries)
                else:
                    column.push(entries)
        for strand in self._gone:
            if not columns[strand].moments:
                del columns[strand]


def _difference(before: TypeLog, after: TypeLog) -> tuple[Sequence[Entry], Sequence[Entry], bool]:
    """What fell off the log and what came, and whether all that came is newer than what was there."""
    old, new = before.entries, after.entries
    come = len(new) + after.dropped_count - len(old) - before.dropped_count
    gone = len(old) + come - len(new)
    if 0 < come <= len(new) and gone <= len(old) and (gone == len(old) or new[-come - 1] is old[-1]):
        return old[:gone], new[-come:], True
    was, there = set(map(id, old)), set(map(id, new))
    return [each for each in old if id(each) not in there], [each for each in new if id(each) not in was], False
