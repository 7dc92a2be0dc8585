"""Who comes, and what they do: events of a shop with a magazine. The tables are the behaviour."""

from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

Event = dict[str, Any]

SPACE = "loadtest"
"""Keeps these users apart from real ones: whatever a load test does, no other space's user is touched."""

_DEVICES = (
    {"type": "mobile", "os": "Android", "browser": "Chrome"},
    {"type": "mobile", "os": "iOS", "browser": "Safari"},
    {"type": "mobile", "os": "Android", "browser": "Samsung Internet"},
    {"type": "desktop", "os": "Windows", "browser": "Chrome"},
    {"type": "desktop", "os": "macOS", "browser": "Safari"},
    {"type": "tablet", "os": "iPadOS", "browser": "Safari"},
)
_PLACES = (
    ("FR", "IDF", "Europe/Paris"),
    ("FR", "PAC", "Europe/Paris"),
    ("DE", "BE", "Europe/Berlin"),
    ("ES", "CT", "Europe/Madrid"),
    ("GB", "LND", "Europe/London"),
    ("US", "NY", "America/New_York"),
)
_CATEGORIES = ("shoes", "dresses", "electronics", "jackets", "beauty", "sports", "home", "toys", "bags", "books")
_SECTIONS = ("style", "running", "interiors", "travel", "gadgets")
_TYPES = ("product_view", "page_view", "add_to_cart", "purchase", "search")
_TYPE_WEIGHTS = tuple(accumulate((60, 24, 9, 3, 4)))
_LOYALTY = ("none", "silver", "gold")
LATE_PART, LATEST_MS = 0.005, 3_600_000
"""Phones that were in a tunnel: so many events come late, by so much at most."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of a rank, the busiest first. All that is lasting about them follows from it."""

    rank: int
    seed: int

    @property
    def user_id(self) -> str:
        return f"load-{self.seed}-{self.rank}"

    @property
    def device(self) -> dict[str, str]:
        return _DEVICES[self._draw(len(_DEVICES), 1)]

    def _draw(self, choices: int, salt: int) -> int:
        """A number below `choices`; multiplication by a large odd constant spreads ranks well enough for that."""
        return ((self.rank + self.seed + salt) * 0x9E3779B97F4A7C15 >> 32) % choices

    def event(self, event_id: str, now_ms: int, random: Random) -> Event:
        """Something that this visitor does about now."""
        kind = random.choices(_TYPES, cum_weights=_TYPE_WEIGHTS)[0]
        late_ms = random.randrange(LATEST_MS) if random.random() < LATE_PART else 0
        event = {
            "event_id": event_id,
            "user_id": self.user_id,
            "space": SPACE,
            "type": kind,
            "ts": now_ms - late_ms,
            "properties": _properties(kind, random),
            "context": self._context(),
        }
        return event | self._account(random)

    def _context(self) -> Event:
        country, region, zone = _PLACES[self._draw(len(_PLACES), 2)]
        return {"device": self.device, "geo": {"country": country, "region": region}, "timezone": zone}

    def _account(self, random: Random) -> Event:
        """A third has an account, and a fifth of their events tell its traits; a third has been asked for consent."""
        told: Event = {}
        if self._draw(3, 3) == 0 and random.random() < 0.2:
            told["traits"] = {"age": 18 + self._draw(60, 4), "loyalty": _LOYALTY[self._draw(3, 5)], "newsletter": False}
        if self._draw(3, 6) == 0:
            told["consent"] = {"purposes": [1, 2, 3, 4, 5, 6]}
        return told


def _properties(kind: str, random: Random) -> Event:
    if kind == "page_view":
        return {"category": random.choice(_SECTIONS), "item_id": f"article-{random.randrange(500)}"}
    category = random.choice(_CATEGORIES)
    if kind == "search":
        return {"query": category}
    number = random.randrange(400)
    properties = {"category": category, "item_id": f"p{number}", "brand": f"brand-{number % 37}", "currency": "EUR"}
    return properties | {"value": round(5 + number * 0.73, 2), "quantity": 1 + (random.random() < 0.1)}
