"""From a row of a body to an entry of a list. Everything that decides which rows are taken lives here. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from services.runtime.event_log.port import Message
from services.segment_api.lists.bodies import MAX_ROW_BYTES, Elements, Lines, Row, Rows
from services.segmentation.events import (
    USER_ID_PATTERN,
    InvalidEvent,
    ListEntry,
    Timestamp,
    decode_fact,
    encode_list_entry,
)
from services.segmentation.partitions import partition_of

HEADER = "user_id"

_USER_ID = re.compile(USER_ID_PATTERN)
_COLUMN_END = re.compile(r"[,;\t]")  # none of them can be in an id


class Member(BaseModel):
    """A line of NDJSON."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: str
    expires: Timestamp | None = None


class Named(NamedTuple):
    """Whom a row names, and the row's own expiry in milliseconds, where it has one."""

    user_id: str
    until_ms: int | None = None


Read = Callable[[Row], Named | None]
"""Gives None for a row that names nobody. Raises InvalidEvent."""


class Format(NamedTuple):
    """How a content type of ids is read."""

    rows: Callable[[], Rows]
    read: Read


@dataclass(frozen=True, slots=True)
class Common:
    """What the entries of one upload share. `until_ms` is None where those without an expiry of their own stay."""

    upload: str
    list_id: str
    space: str
    ts_ms: int
    until_ms: int | None
    listed: bool


def message_of(row: Row, named: Named, common: Common, partitions: int) -> Message:
    """What the log is to carry for a row. Raises InvalidEvent, with the words of the contract.

    The id of the entry is made of the upload and the row: the same in every attempt, and the last row of a user wins.
    """
    own_ms = common.until_ms if named.until_ms is None else named.until_ms
    until_ms = own_ms if common.listed else None
    if until_ms is not None and until_ms <= common.ts_ms:
        raise InvalidEvent("expires: not after the moment of the upload")
    event_id = f"{common.upload}:{row.number:010d}"
    entry = ListEntry(event_id, named.user_id, common.list_id, common.ts_ms, common.space, common.listed, until_ms)
    value = encode_list_entry(entry)
    if _USER_ID.fullmatch(named.user_id) is None:
        decode_fact(value, common.ts_ms)
    return Message(partition_of(named.user_id, partitions), named.user_id.encode(), value)


def _line(row: Row) -> Named | None:
    """The first column; a header may be the first line."""
    column = _COLUMN_END.split(_text(row), 1)[0].strip().strip('"')
    return None if not column or (row.number == 1 and column == HEADER) else Named(column)


def _object(row: Row) -> Named | None:
    text = _text(row)
    if not text or text.isspace():
        return None
    try:
        member = Member.model_validate_json(text)
    except ValidationError as error:
        raise InvalidEvent(_explain(error)) from None
    return Named(member.user_id, member.expires)


def _element(row: Row) -> Named | None:
    try:
        element = orjson.loads(row.data)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error.msg}") from None
    if not isinstance(element, str):
        raise InvalidEvent("expected a string")
    return Named(element)


def _text(row: Row) -> str:
    if len(row.data) > MAX_ROW_BYTES:
        raise InvalidEvent(f"longer than {MAX_ROW_BYTES} bytes")
    try:
        return row.data.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("not UTF-8") from None


def _explain(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ": ".join([*(str(part)[:64] for part in detail["loc"]), detail["msg"]])


FORMATS: Mapping[str, Format] = {
    "text/plain": Format(Lines, _line),
    "text/csv": Format(Lines, _line),
    "application/x-ndjson": Format(Lines, _object),
    "application/json": Format(Elements, _element),
}
"""By content type."""
