"""How a body of ids is cut into rows while it streams in: lines, or the elements of a JSON array. Pure.

The law: where the body was cut into chunks changes nothing. Rows are numbered from 1, blank ones too. However long a
row is, no more of it is held than tells that it is too long.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

MAX_ROW_BYTES = 4096

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_ELEMENT = re.compile(rb'("(?:[^"\\]|\\.)*"|[^\s",\[\]{}]+)[ \t\r\n]*([,\]])[ \t\r\n]*', re.DOTALL)


class Row(NamedTuple):
    number: int
    data: bytes
    """A line without its end, or the JSON of an element; a line that is longer than MAX_ROW_BYTES is cut off."""


class Rows(Protocol):
    broken: str | None
    """Why the rest of the body cannot be cut into rows; None while it can."""

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows that end in `data`. To be read to its end before the next call."""
        ...

    def end(self) -> Iterator[Row]:
        """The row that ends with the body."""
        ...


class Lines:
    """Lines end with LF or CRLF, the last one perhaps with nothing; a byte order mark does not count."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self._number = 0
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Row]:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: MAX_ROW_BYTES + len(_BYTE_ORDER_MARK) + 2]  # the end may prove to be a CR
        return map(self._row, lines)

    def end(self) -> Iterator[Row]:
        return map(self._row, [self._rest] if self._rest else [])

    def _row(self, line: bytes) -> Row:
        self._number += 1
        text = line.removeprefix(_BYTE_ORDER_MARK) if self._number == 1 else line
        return Row(self._number, text.removesuffix(b"\r")[: MAX_ROW_BYTES + 1])


class Elements:
    """The elements of one JSON array, none of them an array, an object, or longer than MAX_ROW_BYTES."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self._number = 0
        self._rest = b""
        self._opened = self._closed = False

    def feed(self, data: bytes) -> Iterator[Row]:
        self._rest = (self._rest + data).lstrip(_BLANKS)
        self._open()
        at = 0
        while self._goes_on and (match := _ELEMENT.match(self._rest, at)):
            if match.end(2) - at > MAX_ROW_BYTES:
                break
            self._number += 1
            self._closed, at = match[2] == b"]", match.end()
            yield Row(self._number, match[1])
        self._rest = self._rest[at:]
        if self._rest and (self._closed or len(self._rest) > MAX_ROW_BYTES):
            self._break()

    def end(self) -> Iterator[Row]:
        if not self._closed:
            self._break()
        return iter(())

    @property
    def _goes_on(self) -> bool:
        return self._opened and not self._closed and not self.broken

    def _open(self) -> None:
        if self._opened or not self._rest:
            return
        if self._rest[:1] != b"[":
            self._break()
        elif text := self._rest[1:].lstrip(_BLANKS):
            self._opened, self._closed = True, text[:1] == b"]"
            self._rest = text[1:].lstrip(_BLANKS) if self._closed else text
        else:  # whether the array is empty is not known yet
            self._rest = b"["

    def _break(self) -> None:
        self.broken, self._rest = f"not a JSON array of ids from element {self._number + 1} on", b""
