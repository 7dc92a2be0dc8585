"""Views, carts and purchases of a shop with numbered categories (RetailRocket, 2015)."""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, one_of, read_table, user_id

REQUIRED = ("visitor_id", "ts", "event")
_TYPES = {"view": "product_view", "addtocart": "add_to_cart", "transaction": "purchase"}


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every row is one product seen, put into the cart or bought; a purchase is timed at its session's end.

    Raises WrongFormat.
    """
    return read_table(stream, REQUIRED, _event)


def _event(row: Columns) -> Row:
    return {
        "user_id": user_id(row["visitor_id"]),
        "type": one_of("event", row["event"], _TYPES),
        "ts": moment_ms("ts", row["ts"]),
        "properties": filled(category=row.get("category_id")),
    }
