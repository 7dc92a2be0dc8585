"""Clicks on the products of a shop (YOOCHOOSE, RecSys Challenge 2015), in the form that session models are tried on.

People are not known across visits: a session is the user. Whoever made that form took the original's UTC for Central
European summer time, so its seconds are two hours early (session 1 began at 2014-04-07T10:51:09.277Z).
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, InvalidRow, Row
from services.replay.table import Columns, number, read_table, required_text, user_id
from services.segmentation.events import MAX_TS_MS

REQUIRED = ("session_id", "item_id", "time")
_EARLY_MS = 2 * 60 * 60 * 1000


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every click is a `product_view`. Raises WrongFormat."""
    return read_table(stream, REQUIRED, _product_view)


def _product_view(row: Columns) -> Row:
    return {
        "user_id": user_id(row["session_id"]),
        "type": "product_view",
        "ts": _ts_ms(row["time"]),
        "properties": {"item_id": required_text("item_id", row["item_id"])},
    }


def _ts_ms(text: str) -> int:
    seconds = number("time", text)
    if seconds is None or not 0 <= seconds * 1000 <= MAX_TS_MS - _EARLY_MS:
        raise InvalidRow(f"time: expected seconds since 1970, found {text[:40]!r}")
    return round(seconds * 1000) + _EARLY_MS
