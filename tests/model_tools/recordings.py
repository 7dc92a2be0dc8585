"""Small recordings with planted habits: readers of one section, buyers, and those who only look."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_700_000_000_000
Row = dict[str, Any]

MODELS = """
models:
  sorts:
    name: "Sorts of [b]<visitors>[/b]"
    kind: cluster
    parameters: {n_clusters: 3}
    warm_up: 60
    publish_every: 100
    features:
      pages: decayed("page_view", halflife="7d")
      products: decayed("product_view", halflife="7d")
      bought: count("purchase", within="30d")
  ranks: {name: RFM, kind: rfm, warm_up: 50, publish_every: 100}
  like-buyers:
    name: Like buyers
    kind: lookalike
    seed: buyers
    warm_up: 60
    publish_every: 100
    features:
      products: decayed("product_view", halflife="7d")
      pages: decayed("page_view", halflife="7d")
      newsletter: trait("newsletter") == True
  soon:
    name: Buys soon
    kind: propensity
    within: 1d
    warm_up: 60
    publish_every: 100
    features:
      products: decayed("product_view", halflife="1d")
      since_purchase: since("purchase")
  odd:
    name: Odd ones
    kind: anomaly
    warm_up: 60
    publish_every: 100
    features:
      pages: count("page_view", within="1d")
      products: count("product_view", within="1d")
"""
SEGMENTS = 'segments: {buyers: {name: Buyers, rule: count("purchase") >= 1}}\n'


def visits(users: int, days: int = 8, seed: int = 1) -> Iterator[Row]:
    """Everybody comes once a day: a third reads, a third looks at products, a third also buys. In order of time."""
    random = Random(seed)
    rows = [row for user in range(users) for day in range(days) for row in _visit(user, day, random)]
    for number, row in enumerate(sorted(rows, key=lambda row: row["ts"])):
        yield {"event_id": f"e{number}", **row}


def write(path: Path, rows: Iterable[Row]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def _visit(user: int, day: int, random: Random) -> Iterator[Row]:
    at_ms = START_MS + day * DAY_MS + random.randrange(DAY_MS)
    acts = (["page_view"] * 6, ["product_view"] * 4, ["product_view"] * 3 + ["purchase"])[user % 3]
    for number, kind in enumerate(acts):
        properties = {"value": 10 + random.randrange(90)} if kind == "purchase" else {"category": "shoes"}
        yield {"user_id": f"visitor-{user}", "type": kind, "ts": at_ms + number * 60_000, "properties": properties}
