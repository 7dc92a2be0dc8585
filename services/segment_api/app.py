"""Wires the API: settings, Redis, catalog and log into an app, and the app into a process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response

from services.runtime.clock import now_ms
from services.runtime.event_log.opening import open_offsets
from services.runtime.event_log.port import LogUnavailable
from services.runtime.http import serve, service_app
from services.runtime.metrics import ApiMetrics, process_registry
from services.runtime.partition_count import agree_on_partitions
from services.runtime.problems import ProblemError
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, connect
from services.runtime.watched import UnreadableValue, WatchedValue
from services.segment_api.bodies import Bodies
from services.segment_api.catalog_store import CatalogStore, watched_catalog
from services.segment_api.lookup import Lookup
from services.segment_api.lookup_routes import lookup_routes
from services.segment_api.rare_log import RareLog
from services.segment_api.reads import BoundedReads
from services.segment_api.segment_routes import segment_routes
from services.segment_api.settings import ApiSettings
from services.segment_api.starter import BadSegmentsFile, put_all, read_segments
from services.segment_api.status import status_routes
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.wire import keys

REDIS_TIMEOUT_S = 2.0  # far longer than a lookup waits: a time-out drops the connection, and stalls pass

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_app(settings: ApiSettings) -> AsyncIterator[FastAPI]:
    """The API with all that it uses, its catalog loaded; what was opened is closed in the opposite order.

    Raises REDIS_ERRORS where Redis is away or still loading: whoever starts a service starts it again. Raises
    OperatorError where the settings, the file of segments or what is stored do not fit.
    """
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        stack.push_async_callback(redis.aclose)
        offsets = await open_offsets(settings)
        stack.push_async_callback(offsets.close)
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
        catalog = watched_catalog(redis)
        store, keep = CatalogStore(redis, catalog), KeepList.parse(settings.keep)
        await _load(store, settings.segments, keep)
        stack.push_async_callback(_end, asyncio.create_task(catalog.follow()))

        async def missing() -> Collection[str]:
            try:
                await redis.hget(keys.CATALOG, "version")
            except REDIS_ERRORS:
                return ["Redis"]
            return []

        registry = process_registry()
        metrics = ApiMetrics(registry)
        metrics.catalog_version.set_function(lambda: catalog.value.version)
        app = service_app("Tranche API", "Tells which segments a user is in; keeps the segments.", registry, missing)
        bodies = Bodies()
        app.include_router(lookup_routes(_lookup(settings, redis, catalog), settings, metrics, bodies))
        app.include_router(segment_routes(store, keep, bodies))
        app.include_router(status_routes(offsets, redis, store, settings.partitions))
        for error in (*REDIS_ERRORS, LogUnavailable, UnreadableValue):
            app.add_exception_handler(error, _unavailable)
        yield app


def run(settings: ApiSettings) -> None:
    serve(lambda: open_app(settings), settings.host, settings.api_port)


async def _load(store: CatalogStore, segments: Path | None, keep: KeepList) -> None:
    """Bring the operator's file into the catalog, and the catalog here: what serves has a catalog."""
    definitions = {} if segments is None else read_segments(segments)
    try:
        await store.change(lambda current: put_all(current, definitions, keep))
    except BadSegmentsFile as error:
        raise BadSegmentsFile(f"{segments}: {error}") from None


def _lookup(settings: ApiSettings, redis: RedisClient, catalog: WatchedValue[Catalog]) -> Lookup:
    failed = RareLog("a read from Redis failed unexpectedly")
    unreadable = RareLog("the state of users cannot be read by this version of Tranche")
    reads = BoundedReads(redis, settings.max_reads_in_flight, failed.note)
    return Lookup(reads, lambda: catalog.value, settings.partitions, settings.consent_required, now_ms, unreadable.note)


async def _unavailable(_: Request, error: Exception) -> Response:
    _log.warning("answered 503: %s", type(error).__name__)
    detail = "Redis or the event log cannot be used now"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"}).response()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
