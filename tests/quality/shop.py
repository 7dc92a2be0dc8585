"""A recording of a shop whose visitors are of planted groups: the whole way from events on, as a judge would go it.

A group is a taste (which categories), a habit (how often, at what hour, on which device) and a purse (how readily
something is bought, and for how much). A visitor arrives at some time, and comes back in sessions until the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Row = dict[str, Any]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_725_148_800_000
"""2024-09-01, a Sunday."""
CATEGORIES = ("shoes", "shirts", "garden", "books", "toys", "audio", "food", "sport")
DEVICES = ("mobile", "desktop", "tablet")


@dataclass(frozen=True)
class Persona:
    """What the members of a group have in common. Rates are of a visitor; visitors differ by some."""

    tastes: Sequence[float]
    """The part of each category."""
    sessions_per_day: float
    views_per_session: float
    hour: float
    mobile: float
    adds: float
    buys: float
    price: float
    until: float = 1.0
    """The part of the recording after which nothing is heard of them."""
    since: float = 0.0


def personas(groups: int, chance: np.random.Generator, contrast: float = 3.0) -> list[Persona]:
    """Groups as chance makes them. The greater the contrast, the easier they are told apart."""
    tastes = [_tastes(number, contrast) for number in range(groups)]
    levels = [chance.permutation(groups) / max(1, groups - 1) for _ in range(6)]
    return [
        Persona(
            tastes=tastes[number],
            sessions_per_day=float(np.geomspace(0.15, 1.2, 101)[int(100 * levels[0][number])]),
            views_per_session=2 + 6 * float(levels[1][number]),
            hour=8 + 13 * float(levels[2][number]),
            mobile=0.1 + 0.8 * float(levels[3][number]),
            adds=0.05 + 0.3 * float(levels[4][number]),
            buys=0.1 + 0.5 * float(levels[4][number]),
            price=float(np.geomspace(8, 200, 101)[int(100 * levels[5][number])]),
        )
        for number in range(groups)
    ]


def _tastes(number: int, contrast: float) -> list[float]:
    first, second = number % len(CATEGORIES), (number * 3 + 1) % len(CATEGORIES)
    weights = [
        1.0 + contrast * 4 * (each == first) + contrast * 2 * (each == second) for each in range(len(CATEGORIES))
    ]
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True)
class Shop:
    """The same seed gives the same events. `groups` tells of whom each visitor is one."""

    personas: Sequence[Persona]
    sizes: Sequence[int]
    days: int = 30
    arriving: float = 0.7
    """The part of the recording in which visitors come for the first time."""
    seed: int = 1

    @property
    def groups(self) -> dict[str, int]:
        return {f"u{g}-{number}": g for g, size in enumerate(self.sizes) for number in range(size)}

    def events(self) -> list[Row]:
        """In order of time."""
        chance = np.random.default_rng(self.seed)
        rows = [row for user, g in self.groups.items() for row in self._life(user, self.personas[g], chance)]
        rows.sort(key=lambda row: (row["ts"], row["event_id"]))
        return rows

    def _life(self, user: str, persona: Persona, chance: np.random.Generator) -> Iterator[Row]:
        start = persona.since + (min(persona.until, self.arriving) - persona.since) * chance.random()
        tastes = chance.dirichlet(np.asarray(persona.tastes) * 25)
        zeal, mobile = (
            np.exp(0.3 * chance.standard_normal()),
            np.clip(persona.mobile + 0.1 * chance.normal(), 0.02, 0.98),
        )
        count = 1 + chance.poisson(persona.sessions_per_day * zeal * self.days * (persona.until - start))
        parts = np.sort(start + (persona.until - start) * chance.random(count))
        for visit, part in enumerate(parts):
            day_ms = START_MS + int(part * self.days) * DAY_MS
            at_ms = day_ms + int(np.clip(chance.normal(persona.hour, 1.5), 0, 23) * HOUR_MS)
            device = "mobile" if chance.random() < mobile else str(chance.choice(DEVICES[1:]))
            yield from session(f"{user}.{visit}", user, persona, at_ms, device, tastes, chance)


def session(
    name: str,
    user: str,
    persona: Persona,
    at_ms: int,
    device: str,
    tastes: np.ndarray[Any, Any],
    chance: np.random.Generator,
) -> Iterator[Row]:
    """What is done on one visit. A single persona's visitors differ by their own tastes."""

    def row(sort: str, **properties: Any) -> Row:
        nonlocal at_ms
        at_ms += int(chance.exponential(40_000)) + 1
        return {
            "event_id": f"{name}.{at_ms}",
            "user_id": user,
            "type": sort,
            "ts": at_ms,
            "properties": properties,
            "context": {"device": {"type": device}},
        }

    for _ in range(1 + chance.poisson(persona.views_per_session)):
        category = str(chance.choice(CATEGORIES, p=tastes))
        value = round(float(persona.price * np.exp(0.4 * chance.standard_normal())), 2)
        yield row("product_view", category=category, value=value)
        if chance.random() < persona.adds:
            yield row("add_to_cart", category=category, value=value)
            if chance.random() < persona.buys:
                yield row("purchase", category=category, value=value)


def usual_features() -> dict[str, str]:
    """What a marketer would write down for such a shop, without having seen the groups."""
    return {
        "views": 'decayed("product_view", halflife="7d")',
        "carts": 'decayed("add_to_cart", halflife="7d")',
        "purchases": 'count("purchase", within="30d")',
        "spent": 'sum("purchase", "value", within="30d")',
        "price": 'avg("product_view", "value", within="30d")',
        **{f"in_{each}": f'share("product_view", "category", "{each}", halflife="14d")' for each in CATEGORIES},
        "mobile": 'share("product_view", "context.device.type", "mobile", halflife="14d")',
        "tenure": "tenure()",
        "recency": 'since("product_view")',
    }
