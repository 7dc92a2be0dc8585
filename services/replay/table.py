"""Reading recorded tables: a header line, then one event a line, separated by commas.

Every line is parsed by itself, so that a stray quote costs one row and not the rest of the file.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TextIO, TypeAlias

from services.replay.reader import BadRow, InvalidRow, Row, WrongFormat, content_id
from services.segmentation.events import MAX_TS_MS, USER_ID_PATTERN, date_time_ms

Columns: TypeAlias = Mapping[str, str]

_USER_ID = re.compile(USER_ID_PATTERN)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def read_table(stream: TextIO, required: Collection[str], to_event: Callable[[Columns], Row]) -> Iterator[Row | BadRow]:
    """Turn each line into an event with `to_event`, which raises InvalidRow for a row that holds none.

    Raises WrongFormat where the header lacks a required column; others may be there or missing, in any order.
    """
    header = _read_header(stream, required)
    for number, line in enumerate(stream, start=2):
        text = line.rstrip("\r\n")
        if text:
            yield _read_line(header, number, text, to_event)


def _read_line(header: list[str], number: int, text: str, to_event: Callable[[Columns], Row]) -> Row | BadRow:
    try:
        fields = _split(text)
        if len(fields) != len(header):
            raise InvalidRow(f"expected {len(header)} columns, found {len(fields)}")
        event = to_event(dict(zip(header, fields, strict=True)))
        event["event_id"] = content_id(text)
    except InvalidRow as error:
        return BadRow(number, str(error))
    return event


def _read_header(stream: TextIO, required: Collection[str]) -> list[str]:
    line = stream.readline(10_000).rstrip("\r\n")
    header = _split(line)
    if not set(required) <= set(header):
        found = repr(line[:200]) if line else "an empty file"
        raise WrongFormat(f"expected a header with the columns {', '.join(required)}; found {found}")
    return header


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)), [])
    except csv.Error as error:
        raise InvalidRow(f"not comma-separated values: {error}") from None


def user_id(text: str) -> str:
    """Check a user's id against the event contract. Raises InvalidRow."""
    if _USER_ID.fullmatch(text) is None:
        raise InvalidRow("the user's id is not 1 to 128 of A-Z a-z 0-9 . _ ~ : | = + -" if text else "no user's id")
    return text


def required_text(name: str, text: str) -> str:
    """The text, which must not be empty. Raises InvalidRow."""
    if not text:
        raise InvalidRow(f"{name}: empty")
    return text


def milliseconds(name: str, text: str) -> int:
    """Milliseconds since 1970, written as digits. Raises InvalidRow."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) <= MAX_TS_MS):
        raise InvalidRow(f"{name}: expected milliseconds since 1970, found {text[:40]!r}")
    return int(text)


def moment_ms(name: str, text: str) -> int:
    """Milliseconds since 1970 of a date and time with its zone. Raises InvalidRow."""
    try:
        ts_ms = date_time_ms(text)
    except ValueError:
        ts_ms = -1
    if ts_ms < 0:
        raise InvalidRow(f"{name}: expected a date and time since 1970 with its zone, found {text[:40]!r}")
    return ts_ms


def number(name: str, text: str) -> float | None:
    """A decimal number; None where the column is empty. Raises InvalidRow."""
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise InvalidRow(f"{name}: expected a number, found {text[:40]!r}")
    return float(text)


def one_of(name: str, text: str, meanings: Mapping[str, str]) -> str:
    """What `text` means. Raises InvalidRow where it is none of the known words."""
    try:
        return meanings[text]
    except KeyError:
        raise InvalidRow(f"{name}: expected one of {', '.join(meanings)}; found {text[:40]!r}") from None


def filled(**values: str | float | Row | None) -> Row:
    """The values that the row has: an empty column becomes an absent property."""
    return {name: value for name, value in values.items() if value not in ("", None, {})}
