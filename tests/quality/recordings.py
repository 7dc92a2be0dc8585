"""Recorded sets and the models that are tried on them, defined as somebody would who knows the set."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from services.replay.reader import BadRow, Row
from services.replay.source import RecordedLog
from services.segmentation.models.samples import Sample
from tests.quality.planted import START_MS
from tests.replay.real_sets import real_set


@dataclass(frozen=True)
class Recording:
    path: str
    format_name: str
    rows: int | None = None
    """How many of its rows are read; None for all."""

    def events(self) -> list[Row]:
        """In order of time, with their users and types."""
        with RecordedLog(real_set(self.path), self.format_name, self.rows).open() as source:
            events = [row for row in source.rows if not isinstance(row, BadRow)]
        return sorted(events, key=lambda event: int(event["ts"]))


@dataclass(frozen=True)
class Trial:
    """A model on a recording."""

    name: str
    recording: Recording
    features: Mapping[str, str]
    sample_every: str = "6h"
    within: str = "7d"
    grace: str = "1h"
    rule: str = ""
    """Of the segment that is the example."""
    clusters: int = 6
    warm_up: int = 1_000
    publish_every: int = 2_000


GLOBO = Recording("globo_news/clicks.csv.gz", "globo_news", 200_000)
ROCKET = Recording("retailrocket/events.csv.gz", "retailrocket")
REES46 = Recording("rees46/events.csv.gz", "rees46")
RETAIL = Recording("online_retail/online_retail.csv.gz", "online_retail")
CDNOW = Recording("cdnow/cdnow_master.csv.gz", "cdnow")

_SHOP = {
    "views": 'decayed("product_view", halflife="7d")',
    "today": 'count("product_view", within="1d")',
    "kinds": 'distinct("product_view", "category", within="7d")',
    "carts": 'decayed("add_to_cart", halflife="7d")',
    "carts_today": 'count("add_to_cart", within="1d")',
    "since_view": 'since("product_view")',
    "since_cart": 'since("add_to_cart")',
    "tenure": "tenure()",
}
_BOUGHT = {"bought": 'count("purchase")', "since_bought": 'since("purchase")'}
_ORDERS = {
    "orders": 'count("purchase")',
    "lately": 'decayed("purchase", halflife="60d")',
    "spent": 'sum("purchase", "value")',
    "usual": 'avg("purchase", "value")',
    "recency": 'since("purchase")',
    "tenure": "tenure()",
}
_PRICED = {
    "price": 'avg("product_view", "value", within="1d")',
    "brands": 'distinct("product_view", "brand", within="1d")',
}
_NEWS = {
    "read": 'decayed("page_view", halflife="3d")',
    "kinds": 'distinct("page_view", "category", within="7d")',
    "articles": 'distinct("page_view", "item_id", within="7d")',
    "in_app": 'share("page_view", "context.device.environment", "app", halflife="7d")',
    "on_web": 'share("page_view", "context.device.environment", "web", halflife="7d")',
    "mobile": 'last("device.type") == "1"',
    "desktop": 'last("device.type") == "3"',
    "brazil": 'last("geo.country") == "1"',
    "tenure": "tenure()",
}

PROPENSITIES = (
    Trial("RetailRocket: buys within a day", ROCKET, {**_SHOP, **_BOUGHT}, "10m", "1d"),
    Trial("Online Retail: orders again within 30 days", RETAIL, _ORDERS, "1d", "30d"),
    Trial("CDNOW: orders again within 90 days", CDNOW, _ORDERS, "1d", "90d"),
)
LOOKALIKES = (
    Trial("RetailRocket: like buyers, by views and carts", ROCKET, _SHOP, rule='count("purchase") >= 1'),
    Trial(
        "REES46: like buyers, by views",
        REES46,
        {**_SHOP, **_PRICED},
        "5m",
        rule='count("purchase") >= 1',
        warm_up=300,
        publish_every=300,
    ),
    Trial(
        "Online Retail: like those who spent 2,000 in 90 days, by everything but money",
        RETAIL,
        {name: _ORDERS[name] for name in ("orders", "lately", "recency", "tenure")},
        "1d",
        rule='sum("purchase", "value", within="90d") >= 2000',
    ),
    Trial("Globo: like the readers of category 281", GLOBO, _NEWS, rule='count("page_view", category="281") >= 2'),
)
CLUSTERINGS = (
    Trial("Globo: readers", GLOBO, _NEWS),
    Trial("RetailRocket: visitors", ROCKET, {**_SHOP, **_BOUGHT}),
    Trial("Online Retail: customers", RETAIL, _ORDERS, "1d"),
    Trial("CDNOW: customers", CDNOW, _ORDERS, "1d"),
)


def online_shoppers() -> Iterator[Sample]:
    """Sessions of a shop, labelled with whether something was bought; without the column that gives it away."""
    for number, row in enumerate(_table("online_shoppers/online_shoppers_intention.csv.gz")):
        numbers = [float(row[name]) for name in _PAGES]
        sorts = [row["VisitorType"] == "New_Visitor", row["Weekend"] == "TRUE", row["Month"] == "Nov"]
        vector = (*(min(value, 20_000) ** 0.25 for value in numbers), *map(float, sorts))
        yield Sample(number, START_MS + number * 1_000, vector, row["Revenue"] == "TRUE")


def hillstrom() -> Iterator[Sample]:
    """Customers of a mail order house, labelled with whether they came after a mailing."""
    for number, row in enumerate(_table("hillstrom/hillstrom_odd_rows.csv.gz")):
        numbers = [float(row["recency"]), float(row["history"]) ** 0.25]
        sorts = [row["mens"] == "1", row["womens"] == "1", row["newbie"] == "1", row["channel"] == "Web"]
        told = [row["zip_code"] == "Rural", row["segment"] != "No E-Mail", row["segment"] == "Mens E-Mail"]
        yield Sample(number, START_MS + number * 1_000, (*numbers, *map(float, [*sorts, *told])), row["visit"] == "1")


_PAGES = (
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    "BounceRates",
    "ExitRates",
    "SpecialDay",
)


def _table(path: str, rows: int | None = None) -> Iterator[dict[str, str]]:
    with gzip.open(real_set(path), "rt", newline="") as file:
        yield from islice(csv.DictReader(file), rows)
