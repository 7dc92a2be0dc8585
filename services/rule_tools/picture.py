"""A timeline as a picture in text: bars where the rule is true, ticks where something happened.

There are two panels, each with its own even scale: what has been, and what will be if nothing else happens.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from rich.text import Text

from services.rule_tools.moments import short_moment, shown_duration
from services.rule_tools.timeline import Timeline
from services.segmentation.events import Event, Fact
from services.segmentation.intervals import Intervals, intersection, spans

LABEL = 16
MAX_ROWS = 6
"""Kinds of events with a row of their own: the most frequent ones."""
NARROWEST = 20
WHOLE, PART, NOTHING = "█", "▄", "·"
LEGEND = f"{WHOLE} true, {PART} in part, {NOTHING} not true; numbers count events"
OTHERS = "others"
RULE = "rule is true"
IF_NOTHING = "if nothing else happens"


@dataclass(frozen=True, slots=True)
class Panel:
    """The stretch of time [begins_ms, ends_ms) in `width` cells."""

    begins_ms: int
    ends_ms: int
    width: int

    def bars(self, moments: Intervals) -> str:
        """In each cell, whether the moments fill it, a part of it, or nothing of it."""
        return "".join(_bar(moments, *self._bounds(cell)) for cell in range(self.width))

    def ticks(self, moments_ms: Iterable[int]) -> str:
        """How many moments are in each cell."""
        counted = Counter(self._cell(at_ms) for at_ms in moments_ms)
        return "".join(_tick(counted[cell]) for cell in range(self.width))

    def _cell(self, at_ms: int) -> int:
        return min((at_ms - self.begins_ms) * self.width // (self.ends_ms - self.begins_ms), self.width - 1)

    def _bounds(self, cell: int) -> tuple[int, int]:
        length_ms = self.ends_ms - self.begins_ms
        begin_ms, end_ms = (self.begins_ms + length_ms * each // self.width for each in (cell, cell + 1))
        return begin_ms, max(end_ms, begin_ms + 1)


def picture(line: Timeline, zone: tzinfo, width: int) -> Iterator[Text]:
    """The lines of the picture, at most `width` characters wide unless that is very narrow."""
    past, future = _panels(line, max(width - LABEL - 3, 2 * NARROWEST))
    yield Text(" " * (LABEL + 1) + _axis(past, future, zone), style="dim")
    for label, moments_ms in _rows(line.facts):
        yield _row(label, Text(past.ticks(moments_ms), style="yellow"), Text(" " * future.width))
    bars = Text(past.bars(line.moments), style="green"), Text(future.bars(line.moments), style="cyan")
    yield _row(RULE, *bars)


def _panels(line: Timeline, width: int) -> tuple[Panel, Panel]:
    begins_ms = min(line.begins_ms, line.at_ms - 1)
    changes_ms = [at_ms for at_ms in line.moments if at_ms > line.at_ms]
    if line.told_until_ms is not None:
        ends_ms = line.told_until_ms
    elif changes_ms:  # some more, so that what the last change leads to is seen
        ends_ms = changes_ms[-1] + max(1, (changes_ms[-1] - line.at_ms) // 5)
    else:
        ends_ms = line.at_ms + (line.at_ms - begins_ms)
    past_width = width * 3 // 5
    return Panel(begins_ms, line.at_ms, past_width), Panel(line.at_ms, ends_ms, width - past_width)


def _axis(past: Panel, future: Panel, zone: tzinfo) -> str:
    begin, now = short_moment(past.begins_ms, zone), short_moment(past.ends_ms, zone)
    end = f"+{shown_duration(future.ends_ms - future.begins_ms)}"
    remark = IF_NOTHING if len(IF_NOTHING) + len(end) < future.width else ""
    return f"{begin}{now.rjust(past.width - len(begin))} {remark}{end.rjust(future.width - len(remark))}"


def _rows(facts: Sequence[Fact]) -> Iterator[tuple[str, list[int]]]:
    """The moments of each kind of event; those of rare kinds together."""
    frequent = Counter(map(_kind, facts)).most_common()
    own = {kind for kind, _ in (frequent if len(frequent) <= MAX_ROWS else frequent[: MAX_ROWS - 1])}
    rows: dict[str, list[int]] = {kind: [] for kind, _ in frequent if kind in own}
    for fact in facts:
        rows.setdefault(_kind(fact) if _kind(fact) in own else OTHERS, []).append(fact.ts_ms)
    yield from rows.items()


def _kind(fact: Fact) -> str:
    return fact.type if isinstance(fact, Event) else f"list {fact.list_id}"


def _row(label: str, past: Text, future: Text) -> Text:
    shown = label if len(label) <= LABEL - 1 else f"{label[: LABEL - 2]}…"
    return Text.assemble(shown.ljust(LABEL), "│", past, "│", future, "│")


def _bar(moments: Intervals, begin_ms: int, end_ms: int) -> str:
    covered = spans(intersection(moments, (begin_ms, end_ms)))
    covered_ms = sum((until_ms or end_ms) - since_ms for since_ms, until_ms in covered)
    return WHOLE if covered_ms == end_ms - begin_ms else PART if covered_ms else NOTHING


def _tick(number: int) -> str:
    return " " if not number else "•" if number == 1 else str(number) if number < 10 else "+"
