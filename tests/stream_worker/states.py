"""Users' states and stores in a few words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.redis_client import RedisClient, connect
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.stream_worker.store import Write


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
    return step(UserState(), [view(number) for number in range(events)], catalog, KEEP_ALL)


def write_of(user: str, events: int, catalog: Catalog) -> Write:
    return Write(f"default:{user}", state_of(events, catalog), profile_changed=True)
