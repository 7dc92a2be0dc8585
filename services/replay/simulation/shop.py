"""The shop that the simulated visitors walk through: goods with brands and prices, a magazine, and what is popular."""

import math
from dataclasses import dataclass
from itertools import accumulate
from random import Random

ITEMS_PER_CATEGORY = 40
ARTICLES_PER_SECTION = 60
CURRENCY = "EUR"

# Category: its brands, the price of its cheapest item and of its dearest one. The most visited come first.
_GOODS: dict[str, tuple[tuple[str, ...], float, float]] = {
    "shoes": (("Corvane", "Tamaris Nord", "Velt", "Okari"), 29, 190),
    "dresses": (("Maison Ilet", "Fenna", "Corvane"), 25, 160),
    "electronics": (("Lumio", "Hertzen", "Quanta Nine"), 19, 1400),
    "jackets": (("Okari", "Fjellby", "Velt"), 49, 420),
    "beauty": (("Aube", "Sel & Sauge"), 6, 75),
    "sports": (("Fjellby", "Velt", "Tarn"), 12, 380),
    "home": (("Bergholm", "Aube", "Terre Cuite"), 9, 650),
    "toys": (("Bimbolo", "Klotz"), 8, 120),
    "bags": (("Maison Ilet", "Tamaris Nord"), 35, 540),
    "books": (("Rive Gauche", "Halfmoon Press"), 5, 45),
}
SECTIONS = ("style", "running", "interiors", "travel", "gadgets")
_ARTICLES = range(1, ARTICLES_PER_SECTION + 1)


@dataclass(frozen=True, slots=True)
class Item:
    """Something to buy; `price` is in `CURRENCY`."""

    item_id: str
    category: str
    brand: str
    price: float


def _zipf(size: int) -> list[float]:
    """Running weights of ranks 1 to `size`, the k-th being 1/k: a few things draw most of the visits."""
    return list(accumulate(1 / rank for rank in range(1, size + 1)))


class Shop:
    """The goods, which are the same for the same random source, and choices among them by popularity."""

    def __init__(self, random: Random) -> None:
        self._items = {category: _stock(category, random) for category in _GOODS}
        self._categories = list(_GOODS)
        self._category_weights = _zipf(len(_GOODS))
        self._item_weights = _zipf(ITEMS_PER_CATEGORY)
        self._article_weights = _zipf(ARTICLES_PER_SECTION)

    def category(self, random: Random) -> str:
        return random.choices(self._categories, cum_weights=self._category_weights)[0]

    def item(self, category: str, random: Random) -> Item:
        return random.choices(self._items[category], cum_weights=self._item_weights)[0]

    def article(self, section: str, random: Random) -> str:
        return f"{section}-{random.choices(_ARTICLES, cum_weights=self._article_weights)[0]}"


def _stock(category: str, random: Random) -> list[Item]:
    brands, cheapest, dearest = _GOODS[category]
    return [
        Item(f"{category}-{number}", category, random.choice(brands), _price(cheapest, dearest, random))
        for number in range(1, ITEMS_PER_CATEGORY + 1)
    ]


def _price(cheapest: float, dearest: float, random: Random) -> float:
    """Spread evenly over the logarithm, so that most things are cheap; in whole cents."""
    return round(cheapest * math.exp(random.random() * math.log(dearest / cheapest)), 2)
