"""Page visits of a few members of a research panel in the United States (webtrackR, GESIS, 2019).

Hosts are real, paths are not. Times come without a zone: they are UTC, the publisher's default, by which the panel
sleeps at night.
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, read_table, required_text, user_id

REQUIRED = ("panelist_id", "timestamp", "url")


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every visit is a `page_view`; its category is the host, the one thing known of what the page is about.

    Raises WrongFormat.
    """
    return read_table(stream, REQUIRED, _page_view)


def _page_view(row: Columns) -> Row:
    url = required_text("url", row["url"])
    host = url.partition("://")[2].partition("/")[0]  # none of a local file
    return {
        "user_id": user_id(row["panelist_id"]),
        "type": "page_view",
        "ts": moment_ms("timestamp", f"{row['timestamp']}Z"),
        "properties": filled(category=host),
        "context": filled(device=filled(type=row.get("device")), page=filled(url=url, category=host)),
    }
