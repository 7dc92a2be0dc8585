"""Users' states and stores in a few words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

from services.runtime.redis_client import RedisClient, connect
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.stream_worker.write import Write


class Clock:
    """Stands still until it is set."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@asynccontextmanager
async def redis_at(url: str) -> AsyncIterator[RedisClient]:
    client = connect(url, timeout_s=5)
    try:
        yield client
    finally:
        await client.aclose()


def catalog_of(*rules: str) -> Catalog:
    """Segments `s-0`, `s-1`, …; each is one more version."""
    catalog = Catalog()
    for number, rule in enumerate(rules):
        catalog = catalog.put(f"s-{number}", SegmentDefinition(name=rule, rule=rule), KEEP_ALL)
    return catalog


def view(number: int, user: str = "u-1", ts_ms: int = 1_000) -> Event:
    return Event(f"e-{number}", user, "view", ts_ms)


def state_of(events: int, catalog: Catalog) -> UserState:
    return step(UserState(), [view(number) for number in range(events)], catalog, KEEP_ALL, UTC)


def write_of(user: str, events: int, catalog: Catalog) -> Write:
    """Of a user who is not known yet."""
    return Write(f"default:{user}", UserState(), state_of(events, catalog))
