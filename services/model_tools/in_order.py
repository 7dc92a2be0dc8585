"""The events of a recording in order of time, whatever their order in the file, in bounded memory.

Rows are gathered in runs, each is sorted, and all but the last wait in a temporary folder until they are merged (Knuth,
The Art of Computer Programming 3, 5.4). What cannot be an event is counted and left out.
"""

import gzip
import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from services.replay.reader import BadRow, BrokenRecording, Row
from services.segmentation.events import MAX_TS_MS, Event, InvalidEvent, read_event

RUN = 100_000
"""Rows that are sorted at a time: with their JSON they take some 60 MB."""
FEW = 5
_PACKED = 1  # of 9: disks are as fast as this

_Run = list[tuple[int, bytes]]


@dataclass(slots=True)
class Rows:
    """What was read."""

    events: int = 0
    bad_rows: int = 0
    complaints: list[str] = field(default_factory=list)
    """What is wrong with the first few bad rows."""
    first_ms: int = MAX_TS_MS
    latest_ms: int = 0

    def note_event(self, ts_ms: int) -> None:
        self.events += 1
        self.first_ms, self.latest_ms = min(self.first_ms, ts_ms), max(self.latest_ms, ts_ms)

    def note_bad(self, place: str, reason: str) -> None:
        self.bad_rows += 1
        if len(self.complaints) < FEW:
            self.complaints.append(f"{place}: {reason}")


@contextmanager
def in_order(rows: Iterable[Row | BadRow], seen: Rows, now_ms: int, run: int = RUN) -> Iterator[Iterator[Event]]:
    """Read all rows, then yield their events; of several at one moment, the first of the file comes first.

    What is ahead of the clock, `now_ms`, is no event: as the last of all it would age everybody.
    """
    with TemporaryDirectory(prefix="tranche-models-") as folder:
        files: list[Path] = []
        waiting: _Run = []
        for row in _good(rows, seen, now_ms):
            waiting.append(row)
            if len(waiting) == run:
                files.append(_put_aside(waiting, Path(folder) / f"{len(files)}.gz"))
                waiting = []
        waiting.sort(key=itemgetter(0))
        runs = [*map(_lines, files), (data for _, data in waiting)]
        yield heapq.merge(*(map(_event, each) for each in runs), key=attrgetter("ts_ms"))


def _good(rows: Iterable[Row | BadRow], seen: Rows, now_ms: int) -> Iterator[tuple[int, bytes]]:
    try:
        for number, row in enumerate(rows, start=1):
            if isinstance(row, BadRow):
                seen.note_bad(f"line {row.line}", row.reason)
                continue
            try:
                data, ts_ms = _checked(row, now_ms)
            except InvalidEvent as error:
                seen.note_bad(f"event {number}", str(error))
            else:
                seen.note_event(ts_ms)
                yield ts_ms, data
    except BrokenRecording as error:
        seen.note_bad("the rest", str(error))


def _checked(row: Row, now_ms: int) -> tuple[bytes, int]:
    """Raises InvalidEvent."""
    if row.get("ts") is None:
        raise InvalidEvent("ts: missing; what is learned from has to tell when it happened")
    told = {name: value for name, value in row.items() if name != "consent"}  # no feature sees it
    event = read_event(told, now_ms)
    try:
        return bytes(memoryview(orjson.dumps(told))), event.ts_ms  # what orjson gives keeps 4 KB, however short it is
    except (orjson.JSONEncodeError, RecursionError):
        raise InvalidEvent("not to be written as JSON") from None


def _put_aside(waiting: _Run, path: Path) -> Path:
    waiting.sort(key=itemgetter(0))
    with gzip.open(path, "wb", compresslevel=_PACKED) as file:
        file.writelines(data + b"\n" for _, data in waiting)
    return path


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        yield from file


def _event(data: bytes) -> Event:
    return read_event(orjson.loads(data), MAX_TS_MS)
