"""Many users stored at once, and the endpoints that look at all of them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from random import Random
from typing import Any

import httpx
import orjson

from services.runtime.clock import now_ms
from services.runtime.http import service_app
from services.runtime.metrics import process_registry
from services.runtime.redis_client import connect
from services.segment_api.bodies import Bodies
from services.segment_api.export.export import Export
from services.segment_api.export.routes import export_routes
from services.segment_api.preview.preview import Preview
from services.segment_api.preview.routes import preview_routes
from services.segment_api.preview.sample import Sampler
from services.segment_api.rare_log import RareLog
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Pace
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.store import UserStore
from services.stream_worker.write import Write

A_WRITE = 100


async def store_all(settings: ApiSettings, histories: Mapping[str, Sequence[Event]], space: str = "default") -> None:
    """Each user's events folded by the catalog in force, and written as a worker does."""
    redis = connect(settings.redis_url, timeout_s=5)
    store, catalog = UserStore(redis, now_ms), await watched_catalog(redis).refresh()
    writes: dict[int, list[Write]] = defaultdict(list)
    for user_id, events in histories.items():
        state = step(UserState(), events, catalog, KEEP_ALL, UTC)
        writes[partition_of(user_id, settings.partitions)].append(
            Write(keys.member(space, user_id), UserState(), state)
        )
    for partition, rows in writes.items():
        watermark = (await store.open(partition)).watermark
        for begin in range(0, len(rows), A_WRITE):
            assert await store.apply(partition, watermark, watermark, rows[begin : begin + A_WRITE])
    await redis.aclose()


@asynccontextmanager
async def tools_of(
    settings: ApiSettings, sampled: int = 2_000, budget_s: float = 30.0, page_users: int = 500, patience_s: float = 10.0
) -> AsyncIterator[httpx.AsyncClient]:
    """Preview and export alone, with sizes that a test can fill."""
    redis = connect(settings.redis_url, timeout_s=2)
    store, zones = CatalogStore(redis, watched_catalog(redis)), TimeZones.parse(settings.time_zones)
    reads = BoundedReads(redis, 16, RareLog("read failed").note)
    note, consent = RareLog("unreadable").note, settings.consent_required
    pace, sampler = Pace(), Sampler(redis, settings.partitions, Random(1))
    preview = Preview(sampler, reads, zones, consent, now_ms, lambda _: [], note, sampled, budget_s, pace)
    catalog = store.watched
    export = Export(
        redis, lambda: catalog.value, settings.partitions, zones, consent, note, patience_s, page_users, pace
    )
    app = service_app("tools", "", process_registry(), _nothing)
    app.include_router(preview_routes(preview, store, KEEP_ALL, Bodies()))
    app.include_router(export_routes(export, store, settings.partitions, now_ms))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client
    await redis.aclose()


async def previewed(tools: httpx.AsyncClient, rule: str, **more: Any) -> dict[str, Any]:
    response = await tools.post("/v1/segments/preview", content=orjson.dumps({"rule": rule, **more}))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def _nothing() -> list[str]:
    return []
