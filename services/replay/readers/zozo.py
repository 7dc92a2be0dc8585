"""Recommendations shown by a fashion shop, and which were clicked (Open Bandit Dataset, 2019).

Nobody is named in it, so every impression is a visitor of its own, known by what the shop knew: coded features.
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, one_of, read_table

REQUIRED = ("timestamp", "item_id", "position", "click", "campaign")
_CLICKED = {"0": "", "1": "ad_click"}
_FEATURE = "user_feature_"


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every row is an `ad_impression`; one that was clicked is an `ad_click` too, a millisecond later.

    The recording has no time of the click. The features of a visitor are traits. Raises WrongFormat.
    """
    for row in read_table(stream, REQUIRED, _event):
        yield from [row] if isinstance(row, BadRow) else _events(row)


def _event(row: Columns) -> Row:
    return {
        "type": "ad_impression",
        "clicked_as": one_of("click", row["click"], _CLICKED),
        "ts": moment_ms("timestamp", row["timestamp"]),
        "properties": filled(
            item_id=row["item_id"], campaign=row["campaign"], position=row["position"], policy=row.get("policy")
        ),
        "traits": filled(**{name.removeprefix("user_"): row[name] for name in row if name.startswith(_FEATURE)}),
    }


def _events(row: Row) -> Iterator[Row]:
    clicked_as, visitor = row.pop("clicked_as"), row["event_id"]
    yield {**row, "user_id": visitor}
    if clicked_as:
        told = {"type": clicked_as, "ts": row["ts"] + 1, "properties": row["properties"]}
        yield {**told, "user_id": visitor, "event_id": f"{visitor}-click"}
