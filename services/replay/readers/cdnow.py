"""Orders of the customers whom the music shop CDNOW won early in 1997 (Fader and Hardie), up to the middle of 1998.

Only the day is recorded: it stands for midnight UTC. Orders that are alike in every column are one event, as there is
no number to tell them apart.
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, number, read_table, user_id

REQUIRED = ("customer_id", "date", "dollar_value")


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every order is one `purchase`, in US dollars. Raises WrongFormat."""
    return read_table(stream, REQUIRED, _purchase)


def _purchase(row: Columns) -> Row:
    return {
        "user_id": user_id(row["customer_id"]),
        "type": "purchase",
        "ts": moment_ms("date", f"{row['date']}T00:00:00Z"),
        "properties": filled(
            quantity=number("number_of_cds", row.get("number_of_cds", "")),
            value=number("dollar_value", row["dollar_value"]),
            currency="USD",
        ),
    }
