"""Where a replay's events come from: a recorded log or the simulated shop. Both look the same to the sender."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from services.replay.reader import BadRow, BrokenRecording, Reader, Row, open_recording
from services.replay.readers import readers
from services.replay.simulation import DAYS, SEED, VISITORS, simulate
from services.replay.simulation.visits import DAY_MS

SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows under the name they are shown by. `fraction_done` tells the part that was read; None if unknown."""

    name: str
    rows: Iterator[Row | BadRow]
    fraction_done: Callable[[], float | None]


class UnknownFormat(ValueError):
    """No reader has this name; the message lists those there are."""


def reader_named(format_name: str) -> Reader:
    """Raises UnknownFormat."""
    try:
        return readers()[format_name]
    except KeyError:
        raise UnknownFormat(f"no format {format_name!r}; there are {', '.join(readers())}") from None


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """A file, the name of its format, and how many of its rows to read (None: all)."""

    path: Path
    format_name: str
    limit: int | None = None

    @contextmanager
    def open(self) -> Iterator[Source]:
        """Raises UnknownFormat and OSError."""
        reader = reader_named(self.format_name)
        with open_recording(self.path) as recording:
            rows = islice(recording.rows(reader), self.limit)
            yield Source(f"{self.path.name} ({self.format_name})", rows, recording.fraction_read)


def last_ts(path: Path, reader: Reader, limit: int | None = None) -> int | None:
    """The latest time among the first `limit` rows, in ms, from a pass of its own; None without any.

    Damaged data ends the pass. Raises WrongFormat and OSError.
    """
    latest_ms = None
    with open_recording(path) as recording, suppress(BrokenRecording):
        for row in islice(recording.rows(reader), limit):
            ts_ms = None if isinstance(row, BadRow) else row.get("ts")
            if ts_ms is not None and (latest_ms is None or ts_ms > latest_ms):
                latest_ms = ts_ms
    return latest_ms


def simulated(ends_ms: int, seed: int = SEED, visitors: int = VISITORS, days: int = DAYS) -> Source:
    """The simulated shop's visitors in the days up to `ends_ms`."""
    starts_ms = ends_ms - days * DAY_MS
    latest_ms = starts_ms

    def rows() -> Iterator[Row]:
        nonlocal latest_ms
        for event in simulate(seed, visitors, days, ends_ms):
            latest_ms = max(latest_ms, event["ts"])
            yield event

    return Source(SIMULATION, rows(), lambda: (latest_ms - starts_ms) / (ends_ms - starts_ms))
