"""Views, carts and purchases of a multi-category shop (REES46 Open CDP, 2019). The currency is not published."""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, number, one_of, read_table, required_text, user_id

REQUIRED = ("event_time", "event_type", "product_id", "user_id")
_TYPES = {
    "view": "product_view",
    "cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "purchase": "purchase",
}


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every row is one product seen, put into the cart, taken out or bought. Raises WrongFormat."""
    return read_table(stream, REQUIRED, _event)


def _event(row: Columns) -> Row:
    return {
        "user_id": user_id(row["user_id"]),
        "type": one_of("event_type", row["event_type"], _TYPES),
        "ts": moment_ms("event_time", row["event_time"].replace(" UTC", "+00:00")),
        "properties": filled(
            item_id=required_text("product_id", row["product_id"]),
            category=row.get("category_code"),
            brand=row.get("brand"),
            value=number("price", row.get("price", "")),
        ),
    }
