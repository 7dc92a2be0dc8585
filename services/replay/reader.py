"""What a reader of recorded logs is. A bad row never ends a replay; a file of another format always does.

A reader turns the lines of one format into events as `POST /v1/events` takes them; they are in `readers/`.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO, TypeAlias

from services.runtime.errors import OperatorError

Row: TypeAlias = dict[str, Any]
"""One event in the form of `POST /v1/events`, ready for JSON, with `ts` in milliseconds."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that holds no event. Lines count from 1, the header included."""

    line: int
    reason: str


class Reader(Protocol):
    """Reads an open text stream; yields what each line holds, in the order of the file."""

    def __call__(self, stream: TextIO, /) -> Iterator[Row | BadRow]:
        """Raises WrongFormat before the first row where the file is not of this format."""
        ...


class InvalidRow(ValueError):
    """One row cannot become an event; the message says why and never repeats a user's id."""


class WrongFormat(OperatorError):
    """The file is not of the format that was asked for."""


class BrokenRecording(Exception):
    """The file's compressed data is cut off or damaged: what follows the rows read so far is lost."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An open recorded log. `size_bytes` is 0 where it is not known, as for a pipe."""

    path: Path
    size_bytes: int
    text: TextIO
    file: BinaryIO

    def rows(self, reader: Reader) -> Iterator[Row | BadRow]:
        """What `reader` makes of it. Raises WrongFormat, and BrokenRecording after the rows before the damage."""
        try:
            yield from reader(self.text)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BrokenRecording(f"{self.path}: the gzip data is cut off or damaged ({error})") from None

    def fraction_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where its size is not known."""
        return self.file.tell() / self.size_bytes if self.size_bytes else None


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Open a recorded log, gzipped or plain as its first two bytes tell. Raises OSError.

    Bytes that are not UTF-8 become lone surrogates, so that `content_id` refuses the one row that holds them.
    """
    with path.open("rb") as file:
        gzipped = file.peek(2)[:2] == b"\x1f\x8b"  # RFC 1952, 2.3.1
        data: BinaryIO = gzip.GzipFile(fileobj=file) if gzipped else file  # type: ignore[assignment]
        with io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape") as text:
            yield Recording(path, path.stat().st_size, text, file)


def content_id(line: str) -> str:
    """An event id made of the row itself: the same row is the same event, however often it is replayed.

    Raises InvalidRow where the line is not UTF-8.
    """
    try:
        return hashlib.blake2b(line.encode(), digest_size=12).hexdigest()
    except UnicodeEncodeError:
        raise InvalidRow("not UTF-8 text") from None
