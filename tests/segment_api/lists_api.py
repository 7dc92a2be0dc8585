"""The endpoints of lists over a real log and Redis, and what they wrote there."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.runtime.clock import Clock, now_ms
from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedWriter, log_key
from services.runtime.event_log.port import Record
from services.runtime.http import service_app
from services.runtime.redis_client import RedisClient, connect
from services.segment_api.lists.pace import MAX_LAG, PacedLog, lag_of
from services.segment_api.lists.routes import list_routes
from services.segment_api.lists.store import ListStore
from services.segment_api.lists.upload import ListUploads
from services.segment_api.segments.catalog_store import watched_catalog
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import ListEntry, decode_fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire import keys

PARTITIONS = 4
LINES = {"Content-Type": "text/plain"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclass
class Limits:
    """Far away unless a test brings them near."""

    max_lag: int = MAX_LAG
    max_records: int = 100_000
    patience_s: float = 0.2
    read_timeout_s: float = 5.0
    clock: Clock = now_ms


@dataclass
class ListsApi:
    app: FastAPI
    client: httpx.AsyncClient
    redis: RedisClient

    async def upload(
        self, list_id: str, body: bytes | str | Iterable[str], headers: Mapping[str, str] = LINES, /, **params: Any
    ) -> httpx.Response:
        """Text as it is, or ids as lines."""
        content = body if isinstance(body, bytes | str) else "".join(f"{each}\n" for each in body)
        return await self.client.post(
            f"/v1/lists/{list_id}/members", content=content, params=params, headers=dict(headers)
        )

    async def remove(self, list_id: str, body: str, **params: Any) -> httpx.Response:
        return await self.client.post(f"/v1/lists/{list_id}/members/remove", content=body, params=params, headers=LINES)

    async def records(self) -> list[Record]:
        """All that is in the log, each partition in order."""
        found = []
        for partition in range(PARTITIONS):
            rows: Any = await self.redis.xrange(log_key(partition))
            found += [Record(partition, 0, row[b"k"], row[b"v"], int(row[b"t"])) for _, row in rows]
        return found

    async def entries(self) -> dict[str, ListEntry]:
        """What the log has of each user; the last where there are several."""
        facts = [decode_fact(record.value, record.appended_ms) for record in await self.records()]
        return {fact.user_id: fact for fact in facts if isinstance(fact, ListEntry)}

    async def define(self, **rules: str) -> None:
        """Make these the segments."""
        definitions = {name: SegmentDefinition(name=name, rule=rule) for name, rule in rules.items()}
        catalog = Catalog(version=int(await self.redis.hget(keys.CATALOG, "version") or 0))
        catalog = catalog.put_all(definitions, KEEP_ALL)
        await self.redis.hset(keys.CATALOG, mapping={"version": catalog.version, "document": catalog.encode()})

    async def apply(self) -> None:
        """Move the watermarks as workers do that have applied everything."""
        ends = await EmbeddedOffsets(self.redis, PARTITIONS).ends()
        for partition, end in ends.items():
            await self.redis.set(keys.watermark(partition), end)

    async def trim(self) -> None:
        for partition in range(PARTITIONS):
            await self.redis.xtrim(log_key(partition), maxlen=0, approximate=False)


@asynccontextmanager
async def lists_api(url: str, limits: Limits | None = None) -> AsyncIterator[ListsApi]:
    limits = limits or Limits()
    async with connect(url, timeout_s=5) as redis:
        store = ListStore(redis, limits.clock)
        lag = lag_of(EmbeddedOffsets(redis, PARTITIONS), redis, PARTITIONS)
        writer = EmbeddedWriter(redis, limits.max_records)
        log = PacedLog(writer, lag, max_lag=limits.max_lag, patience_s=limits.patience_s)
        uploads = ListUploads(store, log, PARTITIONS, read_timeout_s=limits.read_timeout_s)
        app = service_app("lists", "Lists alone.", CollectorRegistry(), _nothing)
        app.include_router(list_routes(uploads, store, watched_catalog(redis).refresh))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            yield ListsApi(app, client, redis)


async def _nothing() -> list[str]:
    return []
