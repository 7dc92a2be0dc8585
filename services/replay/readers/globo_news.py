"""Page views of the news portal G1 (Globo.com user interactions, 2017), the clicks joined with article categories.

Device, system, country, region and referrer are numbers without a published key: they stay as they are coded.
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, milliseconds, read_table, required_text, user_id

REQUIRED = ("user_id", "click_article_id", "click_timestamp")
_ENVIRONMENTS = {"1": "instant_article", "2": "app", "3": "amp", "4": "web"}


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every click is a `page_view`. Raises WrongFormat."""
    return read_table(stream, REQUIRED, _page_view)


def _page_view(row: Columns) -> Row:
    category = row.get("category_id", "").removesuffix(".0")  # the join turned whole numbers into floats
    return {
        "user_id": user_id(row["user_id"]),
        "type": "page_view",
        "ts": milliseconds("click_timestamp", row["click_timestamp"]),
        "properties": filled(category=category, item_id=required_text("click_article_id", row["click_article_id"])),
        "context": _context(row, category),
    }


def _context(row: Columns, category: str) -> Row:
    environment = row.get("click_environment", "")
    device = filled(
        type=row.get("click_deviceGroup"),
        os=row.get("click_os"),
        environment=_ENVIRONMENTS.get(environment, environment),
    )
    geo = filled(country=row.get("click_country"), region=row.get("click_region"))
    page = filled(category=category, referrer=row.get("click_referrer_type"))
    return filled(device=device, geo=geo, page=page)
