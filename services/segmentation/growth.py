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
        self._gone = [(entry, strands.of(entry)) for entry in gone]
        self._come = [(entry, strands.of(entry)) for entry in come]
        self.strands: dict[Strand, int] = {}
        """What changes, and by how many events it grows."""
        if strands.whole is not None:  # lifetimes count what is in no column
            self.strands[strands.whole] = 0
        for _, those in self._gone:
            self.strands.update(dict.fromkeys(those, 0))
        for _, those in self._come:
            for strand in those:
                self.strands[strand] = self.strands.get(strand, 0) + 1

    def enter(self, columns: dict[Strand, Column]) -> None:
        """Bring the columns up to the log."""
        if not self._in_order:
            for strand in self.strands:
                columns[strand] = Column(strand.of(self._log.entries))
        else:
            for entry, strands in self._gone:
                for strand in strands:
                    columns[strand].shift(entry)
            for entry, strands in self._come:
                for strand in strands:
                    if strand not in columns:
                        columns[strand] = Column(())
                    columns[strand].push(entry)
        for strand in self.strands:
            if strand in columns and not columns[strand].moments:
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
