"""Invoice lines of a British gift shop (UCI Online Retail, 2010 and 2011).

Its times are those of the clock on its wall: London, summer time included. Postage, fees and discounts are lines like
any other, under codes of their own. Lines that are alike in every column are one event.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from services.replay.reader import BadRow, InvalidRow, Row
from services.replay.table import Columns, filled, moment_ms, number, read_table, required_text, user_id

REQUIRED = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
_UNKNOWN_COUNTRY = "Unspecified"


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every line is a `purchase`; one of a cancellation is a `refund`, its amounts being positive too.

    A line without a customer is a bad row: a quarter of them, all corrections of the stock among them.
    Raises WrongFormat.
    """
    return read_table(stream, REQUIRED, _event)


def _event(row: Columns) -> Row:
    invoice = required_text("InvoiceNo", row["InvoiceNo"])
    sign = -1 if invoice.startswith("C") else 1
    country = row.get("Country", "")
    return {
        "user_id": user_id(row["CustomerID"]),
        "type": "refund" if sign < 0 else "purchase",
        "ts": moment_ms("InvoiceDate", _in_london(row["InvoiceDate"])),
        "properties": filled(
            item_id=required_text("StockCode", row["StockCode"]), order_id=invoice, **_amounts(row, sign)
        ),
        "context": filled(geo=filled(country="" if country == _UNKNOWN_COUNTRY else country)),
    }


def _amounts(row: Columns, sign: int) -> Row:
    quantity = number("Quantity", row["Quantity"])
    price = number("UnitPrice", row["UnitPrice"])
    if quantity is None or quantity * sign <= 0:
        expected = "more than 0" if sign > 0 else "less than 0 of a cancellation"
        raise InvalidRow(f"Quantity: expected {expected}, found {row['Quantity'][:40]!r}")
    if price is None or price < 0:
        raise InvalidRow(f"UnitPrice: expected 0 or more, found {row['UnitPrice'][:40]!r}")
    return {"quantity": quantity * sign, "value": round(quantity * sign * price, 6), "currency": "GBP"}


def _in_london(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text  # refused with its name, like any other that is no time
    return moment.isoformat() if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Europe/London")).isoformat()
