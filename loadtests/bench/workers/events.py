"""The events that workers are measured with: visitors of a shop and its magazine, as the collector would log them.

Pure: a workload is a function of its parameters alone. Users are drawn from a Zipf distribution, so that few are seen
again within milliseconds and most a handful of times. Everybody has favourite categories, so that interests differ.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Any

DAY_MS = 86_400_000

SHOP = [
    *("shoes", "boots", "sneakers", "dresses", "jackets", "bags", "jeans", "watches", "phones", "laptops"),
    *("headphones", "tablets", "cameras", "tv", "sofas", "lamps", "kitchen", "garden", "running", "cycling"),
    *("outdoor", "toys", "beauty", "coffee", "pet_food", "books", "games", "music"),
]
MAGAZINE = [
    *("style", "travel", "outdoors", "running", "food", "home", "tech", "culture", "politics", "sport"),
    *("health", "family"),
]
BRANDS = ["okari", "velt", "norden", "lumo", "tarn", "bexley", "farro", "solune"]
CAMPAIGNS = ["spring", "sale", "outlet", "newsletter", "brand"]
COUNTRIES = ("FR",) * 6 + ("DE", "DE", "ES", "IT", "BE", "US")
DEVICES = (("mobile", "iOS", "Safari"), ("mobile", "Android", "Chrome"), ("desktop", "Windows", "Edge"))
TYPES = {
    "page_view": 30,
    "product_view": 38,
    "search": 8,
    "add_to_cart": 10,
    "purchase": 5,
    "ad_click": 4,
    "newsletter_click": 2,
    "sign_in": 3,
}
"""How often each type comes, in per cent."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """`events` of `users` users, in rising order up to `end_ms` but for a few that are late. `skew` is Zipf's exponent:
    0 for users that are all alike; at 1.1 the busiest of 20,000 makes one event of seven."""

    events: int = 60_000
    users: int = 20_000
    skew: float = 1.1
    end_ms: int = 1_732_240_000_000
    span_ms: int = DAY_MS
    seed: int = 1


def events_of(workload: Workload) -> Iterator[Json]:
    """The events, as JSON values after the contract of the topic."""
    chance = random.Random(workload.seed)  # noqa: S311 - a workload, no secret
    weights = list(accumulate(rank**-workload.skew for rank in range(1, workload.users + 1)))
    ranks = chance.choices(range(workload.users), cum_weights=weights, k=workload.events)
    types = chance.choices(list(TYPES), weights=list(TYPES.values()), k=workload.events)
    begin_ms, step_ms = workload.end_ms - workload.span_ms, workload.span_ms / max(1, workload.events)
    for index, (rank, event_type) in enumerate(zip(ranks, types, strict=True)):
        late_ms = chance.randrange(60_000) if chance.random() < 0.02 else 0
        yield _event(chance, index, rank, event_type, begin_ms + int(index * step_ms) - late_ms)


def user_id(rank: int) -> str:
    """The pseudonym of the `rank`th busiest user, from 0."""
    return f"u-{blake2b(rank.to_bytes(8, 'big'), digest_size=6).hexdigest()}"


def _event(chance: random.Random, index: int, rank: int, event_type: str, ts_ms: int) -> Json:
    event: Json = {
        "event_id": f"{ts_ms:x}-{index:08x}",
        "user_id": user_id(rank),
        "type": event_type,
        "ts": ts_ms,
        "properties": _properties(chance, rank, event_type),
        "context": _context(chance, rank),
        "consent": {"purposes": [1, 2, 3, 4, 5, 6]},
    }
    if event_type == "sign_in":
        event["traits"] = _traits(rank)
    return event


def _properties(chance: random.Random, rank: int, event_type: str) -> Json:
    match event_type:
        case "page_view":
            return {"category": _favourite(chance, rank, MAGAZINE)}
        case "product_view" | "add_to_cart":
            return _product(chance, rank)
        case "purchase":
            campaign = chance.choice(CAMPAIGNS)
            return {**_product(chance, rank), "quantity": chance.randint(1, 3), "currency": "EUR", "campaign": campaign}
        case "search":
            return {"query": _favourite(chance, rank, SHOP)}
        case "ad_click" | "newsletter_click":
            return {"campaign": chance.choice(CAMPAIGNS), "channel": event_type.partition("_")[0]}
        case _:
            return {}


def _product(chance: random.Random, rank: int) -> Json:
    category = _favourite(chance, rank, SHOP)
    item = chance.randrange(200)
    return {
        "category": category,
        "item_id": f"{category}-{item}",
        "brand": BRANDS[item % len(BRANDS)],
        "value": round(chance.lognormvariate(4, 0.8), 2),
    }


def _favourite(chance: random.Random, rank: int, names: list[str]) -> str:
    """Three times of five one of a user's three, else any."""
    any_of_them = chance.randrange(len(names))
    return names[(rank * 7 + any_of_them % 3) % len(names) if chance.random() < 0.6 else any_of_them]


def _context(chance: random.Random, rank: int) -> Json:
    device, system, browser = DEVICES[(rank + (chance.random() < 0.1)) % len(DEVICES)]
    page = f"https://shop.example/{chance.randrange(10_000)}"
    return {
        "device": {"type": device, "os": system, "browser": browser},
        "geo": {"country": COUNTRIES[rank % len(COUNTRIES)], "region": f"R{rank % 9}"},
        "page": {"url": page, "category": MAGAZINE[rank % len(MAGAZINE)], "referrer": "https://search.example/"},
        "timezone": "Europe/Paris",
    }


def _traits(rank: int) -> Json:
    loyalty = ("none", "silver", "gold", "platinum")[rank % 4]
    return {"loyalty": loyalty, "age": 18 + rank % 60, "newsletter": rank % 3 == 0, "subscriber": rank % 5 == 0}
