"""The segments that workers are measured with: the fifty of the file beside this one, and as many more as asked for.

Pure but for reading that file. The further ones are what a marketing team makes of fifty good ideas in a year: the same
few shapes again and again, with other categories, windows, thresholds and countries. Many share a part with others.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from loadtests.bench.workers.events import BRANDS, CAMPAIGNS, COUNTRIES, MAGAZINE, SHOP

SEGMENTS = 50
"""What budgets are told for."""
FIFTY = Path(__file__).with_name("segments_50.yaml")

Segment = dict[str, Any]
_Shape = Callable[[random.Random], str]


def segments(count: int, seed: int = 1) -> dict[str, Segment]:
    """`count` segments by id: the first of the fifty, or all of them and others."""
    fifty = yaml.safe_load(FIFTY.read_text(encoding="utf-8"))["segments"]
    chance = random.Random(seed)  # noqa: S311 - a workload, no secret
    found = dict(list(fifty.items())[:count])
    rules = {segment["rule"] for segment in found.values()}
    while len(found) < count:
        rule = chance.choices(_SHAPES, weights=_WEIGHTS)[0](chance)
        if rule not in rules:
            rules.add(rule)
            number = len(found) + 1
            found[f"audience-{number:04d}"] = {"name": f"Audience {number}", "rule": rule, "purposes": [1, 3, 4]}
    return found


def _looked_at(chance: random.Random) -> str:
    looked = f'count("product_view", within="{_window(chance)}", category={_some(chance, SHOP)})'
    return f"{looked} >= {chance.randint(2, 6)}"


def _read(chance: random.Random) -> str:
    read = f'count("page_view", within="{_window(chance)}", category={_some(chance, MAGAZINE)})'
    return f"{read} >= {chance.randint(2, 8)}"


def _mostly(chance: random.Random) -> str:
    of_all = f'share("product_view", "category", {_some(chance, SHOP)}, halflife="{_halflife(chance)}")'
    return f'{of_all} >= 0.{chance.randint(3, 8)} and count("product_view", within="30d") >= {chance.choice([3, 5])}'


def _retargeted(chance: random.Random) -> str:
    category = f'category="{chance.choice(SHOP)}"'
    cart, purchase = f'since("add_to_cart", {category})', f'since("purchase", {category})'
    return f'"{chance.choice(["20m", "1h", "6h"])}" <= {cart} < "{chance.choice(["3d", "7d"])}" and {cart} < {purchase}'


def _not_again(chance: random.Random) -> str:
    looked = f'count("product_view", within="{_window(chance)}", category="{chance.choice(SHOP)}") >= 2'
    return f'{looked} and not segment("recent-buyers") and last("geo.country") == "{chance.choice(COUNTRIES)}"'


def _spender(chance: random.Random) -> str:
    filters = chance.choice([f'category="{chance.choice(SHOP)}"', f'brand="{chance.choice(BRANDS)}"'])
    window = chance.choice(["30d", "90d", "365d"])
    return f'sum("purchase", "value", within="{window}", {filters}) >= {chance.choice([50, 100, 200, 500])}'


def _warm(chance: random.Random) -> str:
    decayed = f'decayed("product_view", halflife="{_halflife(chance)}", category="{chance.choice(SHOP)}")'
    return f"{decayed} >= {chance.choice([0.5, 1, 2])}"


def _brand_on_device(chance: random.Random) -> str:
    device = chance.choice(["mobile", "desktop"])
    brand = f'share("product_view", "brand", "{chance.choice(BRANDS)}", halflife="{_halflife(chance)}")'
    return f'last("device.type") == "{device}" and {brand} >= 0.{chance.randint(2, 6)}'


def _campaign(chance: random.Random) -> str:
    clicked = f'since("ad_click", campaign="{chance.choice(CAMPAIGNS)}") < "{chance.choice(["1d", "3d", "7d"])}"'
    return f'{clicked} and count("product_view", within="{_window(chance)}") >= {chance.randint(1, 6)}'


def _bought_after_looking(chance: random.Random) -> str:
    category = chance.choice(SHOP)
    steps = f'step("product_view", category="{category}"), step("purchase", category="{category}")'
    return f'sequence({steps}, within="{chance.choice(["1h", "1d", "7d"])}") < "{chance.choice(["14d", "30d"])}"'


def _member(chance: random.Random) -> str:
    loyalty = chance.choice(["silver", "gold", "platinum"])
    age = chance.choice(range(20, 70, 10))
    base = chance.choice(["hot-prospects", "cart-abandoners", "repeat-buyers", "loyal-readers", "window-shoppers"])
    return f'segment("{base}") and trait("loyalty") == "{loyalty}" and {age} <= trait("age") < {age + 10}'


_SHAPES: list[_Shape] = [
    *(_looked_at, _read, _mostly, _retargeted, _not_again, _spender),
    *(_warm, _brand_on_device, _campaign, _bought_after_looking, _member),
]
_WEIGHTS = [20, 10, 12, 12, 12, 8, 6, 5, 5, 4, 6]


def _window(chance: random.Random) -> str:
    return chance.choice(["1h", "24h", "3d", "7d", "14d", "30d"])


def _halflife(chance: random.Random) -> str:
    return chance.choice(["1d", "7d", "14d", "30d"])


def _some(chance: random.Random, names: list[str]) -> str:
    """One name, or a list of up to three, as a rule writes it."""
    chosen = sorted(chance.sample(names, chance.choice([1, 1, 2, 3])))
    quoted = ", ".join(f'"{name}"' for name in chosen)
    return quoted if len(chosen) == 1 else f"[{quoted}]"
