"""Recorded events, a JSON object per line as `POST /v1/events` takes them, gathered by user."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import orjson

from services.runtime.errors import OperatorError
from services.segmentation.events import MAX_TS_MS, Fact, InvalidEvent, decode_fact

STDIN = Path("-")
_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1


class UnreadableFile(OperatorError):
    """The file cannot be opened, or its compressed data is cut off or damaged."""


@dataclass(slots=True)
class Recorded:
    """What a file tells, by space and user, in the order of their first lines."""

    users: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)
    bad_lines: int = 0
    complaint: str = ""
    """What is wrong with the first bad line."""
    latest_ms: int = 0
    """The latest moment that anything is told of, also of users who were not asked for."""


def read_events(path: Path, now_ms: int, user_id: str | None = None) -> Recorded:
    """Read a file, plain or gzipped, or standard input for `-`; of all users, or of one in any space.

    An event without a time happened at `now_ms`. Raises UnreadableFile.
    """
    try:
        with _opened(path) as lines:
            return _gathered(lines, now_ms, user_id)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(f"{path}: the gzip data is cut off or damaged ({error})") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from None


def _gathered(lines: Iterable[bytes], now_ms: int, user_id: str | None) -> Recorded:
    recorded = Recorded()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fact = _read_line(line, now_ms)
        except InvalidEvent as error:
            recorded.bad_lines += 1
            recorded.complaint = recorded.complaint or f"line {number}: {error}"
        else:
            recorded.latest_ms = max(recorded.latest_ms, fact.ts_ms)
            if user_id in (None, fact.user_id):
                recorded.users.setdefault((fact.space, fact.user_id), []).append(fact)
    return recorded


def _read_line(line: bytes, now_ms: int) -> Fact:
    fact = decode_fact(_without_consent(line), MAX_TS_MS)
    return replace(fact, ts_ms=now_ms) if fact.ts_ms == MAX_TS_MS else fact


def _without_consent(line: bytes) -> bytes:
    """No rule sees the consent, and only the collector reads all of its forms."""
    if b'"consent"' not in line:
        return line
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return orjson.dumps({name: raw[name] for name in raw if name != "consent"}) if isinstance(raw, dict) else line


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    if path == STDIN:
        yield _unpacked(sys.stdin.buffer)
        return
    with path.open("rb") as file:
        yield _unpacked(file)


def _unpacked(file: BinaryIO) -> Iterable[bytes]:
    gzipped = file.peek(2)[:2] == _GZIP  # type: ignore[attr-defined]  # both are buffered readers
    return gzip.GzipFile(fileobj=file) if gzipped else file
