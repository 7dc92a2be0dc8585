"""Wires the API: settings, Redis, catalog and log into an app, and the app into a process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from random import Random
from typing import Any

from fastapi import Request, Response

from services.runtime.clock import now_ms
from services.runtime.event_log.opening import open_offsets, open_writer
from services.runtime.event_log.port import LogUnavailable
from services.runtime.eviction import refuse_eviction
from services.runtime.http import Service, serve, service_app
from services.runtime.metrics import ApiMetrics, process_registry
from services.runtime.partition_count import agree_on_partitions
from services.runtime.problems import ProblemError
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, connect
from services.runtime.watched import UnreadableValue, WatchedValue
from services.segment_api.bodies import Bodies
from services.segment_api.digest import Digests
from services.segment_api.door.admission import Admission
from services.segment_api.door.door import Door
from services.segment_api.explain.routes import Explaining, explain_routes
from services.segment_api.export.export import Export
from services.segment_api.export.routes import export_routes
from services.segment_api.express.lookups import LookupExpress
from services.segment_api.lists.pace import PacedLog, lag_of
from services.segment_api.lists.routes import list_routes
from services.segment_api.lists.store import ListStore
from services.segment_api.lists.upload import ListUploads
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.lookups.routes import lookup_routes
from services.segment_api.lookups.written import Writer
from services.segment_api.models.cautions import cautions as model_cautions
from services.segment_api.models.learned import Learned
from services.segment_api.models.routes import model_routes
from services.segment_api.preview.covered import Covered
from services.segment_api.preview.preview import Preview
from services.segment_api.preview.routes import preview_routes
from services.segment_api.preview.sample import Sampler
from services.segment_api.rare_log import RareLog
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Lane, Pace
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.segments.facts import SegmentFacts
from services.segment_api.segments.routes import segment_routes
from services.segment_api.settings import ApiSettings
from services.segment_api.sizes.history import SizeHistory
from services.segment_api.sizes.progress import Progress
from services.segment_api.sizes.sizes import SegmentSizes
from services.segment_api.starter import Files, apply_files
from services.segment_api.status import status_routes
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.rules import nodes
from services.segmentation.rules.lint import lint
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys

SLOW_READS = 64
"""Reads that may wait for Redis at once for what is no lookup."""
HISTORY_MS = 7 * 86_400_000
"""How far back the sizes reach that are shown of a segment."""
REDIS_TIMEOUT_S = 2.0  # far longer than a lookup waits: a time-out drops the connection, and stalls pass

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_app(settings: ApiSettings) -> AsyncIterator[Service]:
    """The API with all that it uses, its catalog loaded; what was opened is closed in the opposite order.

    Raises REDIS_ERRORS where Redis is away or still loading: whoever starts a service starts it again. Raises
    OperatorError where the settings, the files of segments and models or what is stored do not fit.
    """
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        stack.push_async_callback(redis.aclose)
        hot = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)  # its connections are for lookups alone
        stack.push_async_callback(hot.aclose)
        offsets = await open_offsets(settings)
        stack.push_async_callback(offsets.close)
        await refuse_eviction(redis)
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
        catalog = watched_catalog(redis)
        store, keep = CatalogStore(redis, catalog), KeepList.parse(settings.keep)
        await apply_files(store, Files(settings.segments, settings.models), keep)
        stack.push_async_callback(_end, asyncio.create_task(catalog.follow()))
        writer = await open_writer(settings)
        stack.push_async_callback(writer.close)
        sizes = SegmentSizes(redis, settings.partitions)
        history = SizeHistory(redis, sizes, lambda: catalog.value, now_ms)
        stack.push_async_callback(_end, asyncio.create_task(history.keep()))

        async def missing() -> Collection[str]:
            try:
                await redis.hget(keys.CATALOG, "version")
            except REDIS_ERRORS:
                return ["Redis"]
            return []

        registry = process_registry()
        metrics = ApiMetrics(registry)
        metrics.catalog_version.set_function(lambda: catalog.value.version)
        metrics.missing_snapshots.set_function(lambda: len(catalog.value.registry.missing))
        app = service_app("Tranche API", "Tells which segments a user is in; keeps the segments.", registry, missing)
        bodies, users = Bodies(), _Users(settings, redis, hot, catalog, metrics, keep)
        stack.push_async_callback(users.lookup.reads.close)
        await users.lookup.reads.connect()  # the first lookup has no time to do it
        lists = ListStore(redis, now_ms)
        log = PacedLog(writer, lag_of(offsets, redis, settings.partitions))
        for routes in (
            lookup_routes(users.lookup, catalog, settings, metrics, bodies),
            explain_routes(users.explaining, catalog),
            preview_routes(users.preview, store, keep, bodies),
            segment_routes(store, keep, bodies, _facts(users, sizes, history)),
            model_routes(store, keep, bodies, Learned(redis, users.pace)),
            export_routes(users.export, store, settings.partitions, now_ms),
            list_routes(ListUploads(lists, log, settings.partitions), lists, store.read),
            status_routes(offsets, redis, store, settings.partitions, Digests(redis, users.pace)),
        ):
            app.include_router(routes)
        for error in (*REDIS_ERRORS, LogUnavailable, UnreadableValue):
            app.add_exception_handler(error, _unavailable)
        admission = Admission(settings.lookup_deadline_ms / 1000, settings.max_reads_in_flight)
        metrics.lookup_room.set_function(lambda: admission.room)
        app.add_middleware(Door, admission, metrics, now_ms)
        app.express = LookupExpress(users.lookup, admission, metrics, now_ms, settings.lookup_deadline_ms / 1000)
        yield app


def run(settings: ApiSettings) -> None:
    serve(lambda: open_app(settings), settings.host, settings.api_port, settings.api_keys)


class _Users:
    """What reads users: the hot path over connections of its own, so that nothing that is slow takes its room."""

    def __init__(
        self,
        settings: ApiSettings,
        redis: RedisClient,
        hot: RedisClient,
        catalog: WatchedValue[Catalog],
        metrics: ApiMetrics,
        keep: KeepList,
    ) -> None:
        failed = RareLog("a read from Redis failed unexpectedly")
        unreadable = RareLog("the state of users cannot be read by this version of Tranche").note
        zones, consent_required = TimeZones.parse(settings.time_zones), settings.consent_required
        partitions, now = settings.partitions, lambda: catalog.value
        fast = BoundedReads(hot, settings.max_reads_in_flight, failed.note, link_timeout_s=REDIS_TIMEOUT_S)
        metrics.reads_in_flight.set_function(lambda: fast.in_flight)
        writer = Writer(now, zones, consent_required, now_ms, unreadable)
        metrics.remembered_bytes.set_function(lambda: writer.remembered_bytes)
        self.lookup = Lookup(fast, writer, partitions, metrics.evaluated.inc, Lane())
        slow = BoundedReads(redis, SLOW_READS, failed.note)
        sampler = Sampler(redis, partitions, Random())  # noqa: S311 - a sample, no secret
        self.explaining = Explaining(slow, now, zones, partitions, consent_required, now_ms)
        self.pace = pace = Pace()
        self.export = Export(redis, now, partitions, zones, consent_required, unreadable, pace=pace)
        self.covered = Covered(sampler, slow, zones, now, pace)
        self.cautions = partial(_cautions, keep, now)
        self.progress = Progress(redis, partitions, now_ms)
        self.preview = Preview(sampler, slow, zones, consent_required, now_ms, self.cautions, unreadable, pace=pace)


def _facts(users: _Users, sizes: SegmentSizes, history: SizeHistory) -> SegmentFacts:
    async def details(ordinal: int, space: str) -> Mapping[str, Any]:
        now = now_ms()
        return {
            "size_history": await history.history(ordinal, space, now - HISTORY_MS),
            "size_forecast": await sizes.forecast(ordinal, space, now),
        }

    return SegmentFacts(
        users.progress.of,
        _unless_away(users.covered.since),
        lambda space: sizes.now(space, now_ms()),
        details,
        users.cautions,
    )


def _unless_away(
    covered_since: Callable[[nodes.Rule], Awaitable[int | None]],
) -> Callable[[nodes.Rule], Awaitable[int | None]]:
    """An edit that is saved is answered as such, even when Redis goes away right then."""

    async def known(rule: nodes.Rule) -> int | None:
        try:
            return await covered_since(rule)
        except REDIS_ERRORS:
            return None

    return known


def _cautions(keep: KeepList, now: Callable[[], Catalog], rule: nodes.Rule) -> list[Mapping[str, str]]:
    linted = [{"code": caution.code, "message": caution.message} for caution in lint(rule, keep)]
    return [*linted, *model_cautions(rule, now())]


async def _unavailable(_: Request, error: Exception) -> Response:
    _log.warning("answered 503: %s", type(error).__name__)
    detail = "Redis or the event log cannot be used now"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"}).response()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
