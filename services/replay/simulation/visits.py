"""What a simulated visitor does: on which days, at what hour, page by page. Everything is drawn from one `Random`."""

from collections.abc import Iterator
from random import Random

from services.replay.reader import Row
from services.replay.simulation.personas import Visitor
from services.replay.simulation.shop import CURRENCY, SECTIONS, Item, Shop

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PAGE_MS = 40_000
"""How long a page is looked at on average."""
NEWSLETTER_MS = HOUR_MS // 2
"""How long before the end a newsletter goes out: whenever it ends, the shop is not empty."""

# Chances, from 0 to 1.
SEARCHES = 0.08
FAVOURITE_CATEGORY = 0.6
FAVOURITE_SECTION = 0.85
FOLLOWS_NEWSLETTER = 0.12

# How busy each hour of the visitor's own day is: asleep at four, a first peak at lunch, the highest at nine p.m.
_HOURS = (4, 2, 1, 1, 1, 2, 5, 9, 12, 13, 14, 16, 20, 18, 15, 15, 16, 19, 24, 31, 38, 40, 28, 12)

Act = tuple[int, str, Row]
"""When, the event's type, its properties."""


def life(visitor: Visitor, shop: Shop, starts_ms: int, ends_ms: int, random: Random) -> Iterator[list[Act]]:
    """The visits of one visitor from `starts_ms`, a UTC midnight, on, in order of time; the last may pass `ends_ms`."""
    free_ms = 0
    for begins_ms in _beginnings(visitor, starts_ms, ends_ms, random):
        visit = list(_Visit(visitor, shop, max(begins_ms, free_ms), random).acts())
        free_ms = visit[-1][0] + HOUR_MS
        yield visit


def _beginnings(visitor: Visitor, starts_ms: int, ends_ms: int, random: Random) -> list[int]:
    days = _active_days(visitor, (ends_ms - starts_ms) // DAY_MS + 1, random)
    chance = visitor.persona.visits_a_day
    visiting = [day for day in days if day == days.start or random.random() < chance]
    begin_ms = [starts_ms + day * DAY_MS + _time_of_day_ms(visitor, random) for day in visiting]
    if visitor.newsletter and visitor.persona.stays and random.random() < FOLLOWS_NEWSLETTER:
        begin_ms.append(ends_ms - random.randrange(NEWSLETTER_MS))
    return sorted(moment_ms for moment_ms in begin_ms if moment_ms <= ends_ms)


def _active_days(visitor: Visitor, days: int, random: Random) -> range:
    persona = visitor.persona
    first = random.randrange(max(1, round(persona.arrives_by * days)))
    last = days if persona.days is None else first + persona.days
    return range(first, max(first + 1, min(last, round(persona.leaves_at * days))))


def _time_of_day_ms(visitor: Visitor, random: Random) -> int:
    hour = random.choices(range(24), weights=_HOURS)[0] - visitor.utc_offset_h
    return hour * HOUR_MS + random.randrange(HOUR_MS)


class _Visit:
    """One walk through the shop: pages until the visitor has had enough, then perhaps the checkout."""

    def __init__(self, visitor: Visitor, shop: Shop, begins_ms: int, random: Random) -> None:
        self._visitor = visitor
        self._shop = shop
        self._now_ms = begins_ms
        self._random = random
        self._cart: list[Item] = []

    def acts(self) -> Iterator[Act]:
        persona, random = self._visitor.persona, self._random
        for _ in range(1 + int(random.expovariate(1 / persona.steps))):
            yield from self._read() if random.random() < persona.reads else self._browse()
        if self._cart and random.random() < persona.buys:
            yield from map(self._purchase, self._cart)

    def _read(self) -> Iterator[Act]:
        own = self._random.random() < FAVOURITE_SECTION
        section = self._visitor.section if own else self._random.choice(SECTIONS)
        article = self._shop.article(section, self._random)
        yield self._act("page_view", {"category": section, "item_id": article})

    def _browse(self) -> Iterator[Act]:
        own = self._random.random() < FAVOURITE_CATEGORY
        category = self._visitor.favourite if own else self._shop.category(self._random)
        if self._random.random() < SEARCHES:
            yield self._act("search", {"query": category})
        item = self._choose(category)
        yield self._act("product_view", _described(item))
        if self._random.random() < self._visitor.persona.adds:
            self._cart.append(item)
            yield self._act("add_to_cart", {**_described(item), "quantity": 1, **_priced(item.price)})

    def _choose(self, category: str) -> Item:
        seen = [self._shop.item(category, self._random) for _ in range(self._visitor.persona.picky)]
        return max(seen, key=lambda item: item.price)

    def _purchase(self, item: Item) -> Act:
        quantity = self._random.choices((1, 2, 3), weights=(85, 11, 4))[0]
        priced = _priced(round(item.price * quantity, 2))
        return self._act("purchase", {**_described(item), "quantity": quantity, **priced})

    def _act(self, kind: str, properties: Row) -> Act:
        act = (self._now_ms, kind, properties)
        self._now_ms += 1_000 + int(self._random.expovariate(1 / PAGE_MS))
        return act


def _described(item: Item) -> Row:
    return {"item_id": item.item_id, "category": item.category, "brand": item.brand}


def _priced(value: float) -> Row:
    return {"value": value, "currency": CURRENCY}
