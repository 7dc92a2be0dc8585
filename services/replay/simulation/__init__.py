"""A simulated shop: seeded visitors with human habits, for a first look without a recording of one's own.

The same arguments always give the same events. Every id begins with `sim-`, so that nobody takes them for real.
"""

import heapq
from collections.abc import Iterator
from operator import itemgetter
from random import Random

from services.replay.reader import Row
from services.replay.simulation.network import delivered
from services.replay.simulation.personas import Visitor, make_visitor
from services.replay.simulation.shop import Shop
from services.replay.simulation.visits import DAY_MS, Act, life

SEED = 1
VISITORS = 3_000
DAYS = 30


def simulate(seed: int, visitors: int, days: int, ends_ms: int) -> Iterator[Row]:
    """Events of `visitors` people over the `days` calendar days (UTC) up to `ends_ms`, as they would arrive.

    They come in order of `ts`, but for the few that the network delays by up to six hours or delivers twice.
    """
    shop = Shop(_chance(f"{seed}/shop"))
    lives = (_events(seed, number, shop, days, ends_ms) for number in range(visitors))
    return delivered(heapq.merge(*lives, key=itemgetter("ts")), _chance(f"{seed}/network"))


def _chance(name: str) -> Random:
    return Random(name)  # noqa: S311 - a game of chance, no secret


def _events(seed: int, number: int, shop: Shop, days: int, ends_ms: int) -> Iterator[Row]:
    random = _chance(f"{seed}/visitor/{number}")
    visitor = make_visitor(f"sim-{seed}-{number:04d}", shop, random)
    starts_ms = (ends_ms // DAY_MS + 1 - days) * DAY_MS
    count = purchases = 0
    for visit in life(visitor, shop, starts_ms, ends_ms, random):
        traits = _traits(visitor, purchases)
        purchases += any(kind == "purchase" for _, kind, _ in visit)
        for act in visit:
            if act[0] > ends_ms:
                return
            yield _event(visitor, act, f"{visitor.user_id}:{ends_ms}:{count}") | traits
            traits = {}
            count += 1


def _event(visitor: Visitor, act: Act, event_id: str) -> Row:
    ts_ms, kind, properties = act
    context: Row = {"device": visitor.device, "geo": visitor.geo, "timezone": visitor.timezone}
    if "category" in properties:
        context["page"] = {"category": properties["category"]}
    return {
        "event_id": event_id,
        "user_id": visitor.user_id,
        "type": kind,
        "ts": ts_ms,
        "properties": properties,
        "context": context,
    }


def _traits(visitor: Visitor, purchases: int) -> Row:
    """What the shop knows of a visitor with an account: told once a visit, with the visit's first event."""
    if not visitor.known:
        return {}
    loyalty = "gold" if purchases >= 5 else "silver" if purchases >= 2 else "none"
    return {"traits": {"loyalty": loyalty, "age": visitor.age, "newsletter": visitor.newsletter}}
