"""How an export is written, page by page.

After each page stands where to go on from, and after the last one that it was the last: whoever does not see that
knows that the export was cut off.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Literal, NamedTuple, Protocol

import orjson

from services.segment_api.export.place import Place

FormatName = Literal["ndjson", "csv"]

_FORMULA = ("=", "+", "-")


class Member(NamedTuple):
    user_id: str
    since_ms: int
    until_ms: int | None


class Format(Protocol):
    media_type: str

    def begin(self) -> bytes:
        """What stands before the first page of an export, and not where one goes on."""

    def page(self, members: Sequence[Member], following: Place) -> bytes: ...

    def end(self, members: Sequence[Member], following: Place) -> bytes:
        """The last page."""


class Ndjson:
    """One JSON object a line."""

    media_type = "application/x-ndjson"

    def begin(self) -> bytes:
        return b""

    def page(self, members: Sequence[Member], following: Place) -> bytes:
        return self._lines(members, {"next": following.token()})

    def end(self, members: Sequence[Member], following: Place) -> bytes:
        counts = {"members": following.members, "unreadable": following.unreadable}
        return self._lines(members, {"next": None, **counts})

    def _lines(self, members: Sequence[Member], last: dict[str, object]) -> bytes:
        rows = [{"user_id": each.user_id, "since": each.since_ms, "until": each.until_ms} for each in members]
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in [*rows, last])


class Csv:
    """As RFC 4180 has it, with `#` before what is no member: no user id begins with that.

    A spreadsheet takes what begins with `=`, `+` or `-` for a formula. Such an id is written with an apostrophe
    before it, with which no id begins, so that it can be told and taken away.
    """

    media_type = "text/csv; charset=utf-8; header=present"

    def begin(self) -> bytes:
        return self._rows([("user_id", "since", "until")])

    def page(self, members: Sequence[Member], following: Place) -> bytes:
        return self._members(members) + f"# next {following.token()}\r\n".encode()

    def end(self, members: Sequence[Member], following: Place) -> bytes:
        last = f"# end members {following.members} unreadable {following.unreadable}\r\n"
        return self._members(members) + last.encode()

    def _members(self, members: Sequence[Member]) -> bytes:
        return self._rows([(_safe(each.user_id), each.since_ms, each.until_ms) for each in members])

    def _rows(self, rows: Sequence[Sequence[object]]) -> bytes:
        text = StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()


def format_named(name: FormatName) -> Format:
    return Ndjson() if name == "ndjson" else Csv()


def _safe(user_id: str) -> str:
    return f"'{user_id}" if user_id.startswith(_FORMULA) else user_id
