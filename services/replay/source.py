"""Where a replay's events come from: a recorded log or the simulated shop. Both look the same to the sender."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from services.replay.reader import BadRow, BrokenRecording, Reader, Row, open_recording
from services.replay.readers import readers
from services.replay.simulation import DAYS, SEED, VISITORS, simulate
from services.replay.simulation.visits import DAY_MS
from services.runtime.errors import OperatorError
from services.segmentation.events import MAX_AHEAD_MS


@dataclass(frozen=True, slots=True)
class Source:
    """Rows under the name they are shown by. `fraction_done` tells the part that was read; None if unknown."""

    name: str
    rows: Iterator[Row | BadRow]
    fraction_done: Callable[[], float | None]


class UnknownFormat(OperatorError):
    """No reader has this name; the message lists those there are."""


class Shift(NamedTuple):
    """By how much to move every time, and how many of them are ahead of now and had no say in it."""

    ms: int
    ahead: int


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """A file, the name of its format, and how many of its rows to read (None: all)."""

    path: Path
    format_name: str
    limit: int | None = None

    @contextmanager
    def open(self) -> Iterator[Source]:
        """Raises UnknownFormat and OSError."""
        reader = self._reader()
        with open_recording(self.path) as recording:
            rows = islice(recording.rows(reader), self.limit)
            yield Source(f"{self.path.name} ({self.format_name})", rows, recording.fraction_read)

    def shift(self, ends_ms: int, now_ms: int) -> Shift:
        """What makes the latest time `ends_ms`; none in a log without times.

        A time ahead of now is a mistake, which would move all others with it: it decides nothing, unless all are so.
        Reads the log once, up to any damage. Raises UnknownFormat, WrongFormat and OSError.
        """
        latest_ms, farthest_ms, ahead = -1, -1, 0
        for ts_ms in self._times():
            farthest_ms = max(farthest_ms, ts_ms)
            if ts_ms > now_ms + MAX_AHEAD_MS:
                ahead += 1
            else:
                latest_ms = max(latest_ms, ts_ms)
        if farthest_ms < 0:
            return Shift(0, 0)
        return Shift(ends_ms - farthest_ms, 0) if latest_ms < 0 else Shift(ends_ms - latest_ms, ahead)

    def _times(self) -> Iterator[int]:
        with self.open() as source, suppress(BrokenRecording):
            for row in source.rows:
                if not isinstance(row, BadRow) and row.get("ts") is not None:
                    yield row["ts"]

    def _reader(self) -> Reader:
        try:
            return readers()[self.format_name]
        except KeyError:
            raise UnknownFormat(f"no format {self.format_name!r}; there are {', '.join(readers())}") from None


def simulated(ends_ms: int, seed: int = SEED, visitors: int = VISITORS, days: int = DAYS) -> Source:
    """The simulated shop's visitors in the days up to `ends_ms`."""
    starts_ms = ends_ms - days * DAY_MS
    latest_ms = starts_ms

    def rows() -> Iterator[Row]:
        nonlocal latest_ms
        for event in simulate(seed, visitors, days, ends_ms):
            latest_ms = max(latest_ms, event["ts"])
            yield event

    return Source("simulation", rows(), lambda: (latest_ms - starts_ms) / (ends_ms - starts_ms))
