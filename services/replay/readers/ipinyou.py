"""Display advertisements bought in real-time auctions (iPinYou, 2013; fields in arXiv 1407.7073).

Times are China's. Prices are in fen for a thousand impressions. Regions, exchanges and user tags stay as they are
coded. Of the user agent only the sort of device is kept, of the address nothing.
"""

from collections.abc import Iterator
from typing import TextIO

from services.replay.reader import BadRow, Row
from services.replay.table import Columns, filled, moment_ms, number, one_of, read_table, user_id

REQUIRED = ("timestamp", "log_type", "ipinyou_id")
_TYPES = {"1": "ad_impression"}
_FEN_PER_YUAN = 100
_DEVICES = (  # the first whose word the user agent has: phones also name the system that theirs comes from
    ("iPad", "iOS", "tablet"),
    ("iPhone", "iOS", "mobile"),
    ("Android", "Android", "mobile"),
    ("Windows Phone", "Windows Phone", "mobile"),
    ("Windows", "Windows", "desktop"),
    ("Macintosh", "macOS", "desktop"),
    ("Linux", "Linux", "desktop"),
)


def read(stream: TextIO, /) -> Iterator[Row | BadRow]:
    """Every row is an `ad_impression`; its value is what the advertiser paid for it, in yuan.

    The campaign is the advertiser, the channel the exchange; `user_tags` are the segments that the bidder knew of.
    Raises WrongFormat.
    """
    return read_table(stream, REQUIRED, _event)


def _event(row: Columns) -> Row:
    return {
        "user_id": user_id(row["ipinyou_id"]),
        "type": one_of("log_type", row["log_type"], _TYPES),
        "ts": moment_ms("timestamp", _in_china(row["timestamp"])),
        "properties": _properties(row),
        "context": filled(
            device=_device(row.get("user_agent", "")),
            geo=filled(region=_known(row.get("region_id", "")), city=_known(row.get("city_id", ""))),
            page=filled(url=row.get("url"), domain=row.get("domain")),
        ),
    }


def _properties(row: Columns) -> Row:
    paid_fen = number("paying_price", row.get("paying_price", ""))
    tags = row.get("user_tags", "")
    properties = filled(
        item_id=row.get("creative_id"), campaign=row.get("advertiser_id"), channel=row.get("ad_exchange")
    )
    if paid_fen is not None:
        properties |= {"value": round(paid_fen / _FEN_PER_YUAN / 1000, 6), "currency": "CNY"}
    return properties | ({"user_tags": tags.split(",")} if tags else {})


def _device(user_agent: str) -> Row:
    known = (filled(type=kind, os=system) for word, system, kind in _DEVICES if word in user_agent)
    return next(known, {})


def _known(code: str) -> str:
    return "" if code == "0" else code


def _in_china(digits: str) -> str:
    """A date and time of `yyyyMMddHHmmssSSS`."""
    return f"{digits[:8]}T{digits[8:14]}.{digits[14:]}+08:00"
