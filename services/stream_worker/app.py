"""Wires the worker: settings, log and Redis into its loop, and the loop beside its health page into a process."""

import gc
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.runtime.at_work import at_work
from services.runtime.clock import now_ms
from services.runtime.event_log.opening import (
    open_changes_tail,
    open_changes_writer,
    open_offsets,
    open_reader,
    open_samples_writer,
    open_writer,
)
from services.runtime.eviction import refuse_eviction
from services.runtime.http import serve, service_app
from services.runtime.metrics import WorkerMetrics, process_registry
from services.runtime.partition_count import agree_on_partitions
from services.runtime.redis_client import RedisClient, connect
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.catalog import CatalogReader
from services.segmentation.wire.profile import VERSION, encode_profile
from services.segmentation.wire.profile_3 import encode_profile_3
from services.stream_worker.cache import StateCache
from services.stream_worker.condition import facts_of, missing_in
from services.stream_worker.log_watch import EVERY_S, LogWatch
from services.stream_worker.model_watch import ModelWatch
from services.stream_worker.sampler import Sampler
from services.stream_worker.sampling import Rules
from services.stream_worker.settings import WorkerSettings
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Tells
from services.stream_worker.watchdog import watched
from services.stream_worker.worker import Worker

REDIS_TIMEOUT_S = 5.0
TELLING_LOOK_S = 0.5
"""How often the log's ends are looked at where that decides when the passing of time is told."""

YOUNG_OBJECTS = 50_000
"""Made and not freed, before Python looks for cycles among them. A fold makes many that live and hardly any cycle."""


def run(settings: WorkerSettings) -> None:
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    serve(lambda: open_app(settings), settings.host, settings.worker_port, settings.api_keys)


@asynccontextmanager
async def open_app(settings: WorkerSettings) -> AsyncIterator[FastAPI]:
    """The worker's health page, with the worker at work as long as the context lasts."""
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        stack.push_async_callback(redis.aclose)
        await refuse_eviction(redis)
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
        writer = await open_writer(settings)
        stack.push_async_callback(writer.close)
        reader = await open_reader(settings, range(settings.worker_index, settings.partitions, settings.workers))
        stack.push_async_callback(reader.close)
        offsets = await open_offsets(settings)
        stack.push_async_callback(offsets.close)
        reading = CatalogReader()
        catalog = WatchedValue(redis, keys.CATALOG, reading.decode, Catalog(), references=reading)
        await catalog.refresh()

        registry = process_registry()
        metrics = WorkerMetrics(registry)
        cache = StateCache(settings.cache_events)
        metrics.cached_events.set_function(lambda: cache.events)
        models = ModelWatch(redis, catalog, now_ms)
        sampler = _sampler(settings, models, metrics)
        stack.push_async_callback(sampler.close)
        worker = Worker(
            reader,
            writer,
            _store(settings, redis),
            cache,
            catalog,
            KeepList.parse(settings.keep),
            TimeZones.parse(settings.time_zones),
            settings.partitions,
            settings.max_records,
            metrics,
            now_ms,
            await _tells(settings, stack) if settings.changes else None,
            sampler,
        )

        _show(worker, models, metrics)
        every_s = TELLING_LOOK_S if settings.changes else EVERY_S
        watch = LogWatch(offsets, worker.owned.progress, worker.owned.stopped, now_ms, every_s)

        async def missing() -> Collection[str]:
            return missing_in(worker)

        with watched(lambda: worker.pulse):
            async with at_work("worker", worker.run, [catalog.follow(), watch.follow(), models.follow()]):
                yield service_app(
                    "Tranche worker", "Folds events into users.", registry, missing, partial(facts_of, worker, registry)
                )


def _store(settings: WorkerSettings, redis: RedisClient) -> UserStore:
    return UserStore(
        redis,
        now_ms,
        tells=settings.changes,
        consent_required=settings.consent_required,
        encode=encode_profile if settings.profile_codec == VERSION else encode_profile_3,
    )


async def _tells(settings: WorkerSettings, stack: AsyncExitStack) -> Tells:
    writer = await open_changes_writer(settings)
    stack.push_async_callback(writer.close)
    tail = open_changes_tail(settings)
    stack.push_async_callback(tail.close)
    return Tells(writer, tail, settings.consent_required, settings.changes_grace_ms)


def _sampler(settings: WorkerSettings, models: ModelWatch, metrics: WorkerMetrics) -> Sampler:
    rules = Rules(
        KeepList.parse(settings.keep),
        TimeZones.parse(settings.time_zones),
        settings.pseudonym_key.get_secret_value().encode(),
        settings.consent_required,
    )
    return Sampler(partial(open_samples_writer, settings), rules, lambda: models.level, metrics)


def _show(worker: Worker, models: ModelWatch, metrics: WorkerMetrics) -> None:
    """Have the metrics tell what the worker knows whenever they are asked for."""
    owned = worker.owned
    metrics.samples_kept_share.set_function(lambda: models.kept_share)
    metrics.missing_snapshots.set_function(lambda: models.missing)
    metrics.stopped.set_function(lambda: len(owned.stopped))
    metrics.missing.set_function(lambda: owned.stopped.missing)
    metrics.lag.set_function(lambda: owned.progress.lag)
    metrics.oldest_seconds.set_function(lambda: owned.progress.oldest_s(now_ms()))
