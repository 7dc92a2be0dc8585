"""Wires the role: the catalog, the samples log and Redis into the trainer and its herald, beside a health page."""

import math
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.runtime.at_work import at_work
from services.runtime.clock import now_ms
from services.runtime.event_log.opening import SAMPLE_PARTITIONS, open_samples_tail
from services.runtime.eviction import refuse_eviction
from services.runtime.http import serve, service_app
from services.runtime.metrics import process_registry
from services.runtime.redis_client import connect
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog
from services.segmentation.wire import keys
from services.segmentation.wire.catalog import CatalogReader
from services.trainer.herald import Herald
from services.trainer.metrics import TrainerMetrics
from services.trainer.roll import Roll
from services.trainer.settings import TrainerSettings
from services.trainer.store import TrainingStore
from services.trainer.trainer import Trainer

REDIS_TIMEOUT_S = 5.0


def run(settings: TrainerSettings) -> None:
    serve(lambda: open_app(settings), settings.host, settings.trainer_port, settings.api_keys)


@asynccontextmanager
async def open_app(settings: TrainerSettings) -> AsyncIterator[FastAPI]:
    """The health page, with the trainer at work as long as the context lasts. Raises OperatorError, REDIS_ERRORS."""
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        stack.push_async_callback(redis.aclose)
        await refuse_eviction(redis)
        reading = CatalogReader()
        catalog = WatchedValue(redis, keys.CATALOG, reading.decode, Catalog(), references=reading)
        await catalog.refresh()
        registry = process_registry()
        metrics = TrainerMetrics(registry)
        store = TrainingStore(redis, now_ms)
        roll = Roll(store, metrics)
        open_tail = partial(open_samples_tail, settings)
        trainer = Trainer(catalog, open_tail, SAMPLE_PARTITIONS, store, roll, metrics, time.monotonic)
        herald = Herald(
            catalog,
            store,
            lambda: trainer.backlog,
            settings.publish_seconds,
            metrics,
            now_ms,
            time.monotonic,
        )
        metrics.backlog.set_function(lambda: math.nan if trainer.backlog is None else trainer.backlog)
        metrics.snapshot_seconds.set_function(lambda: trainer.snapshot_age_s)
        metrics.stopped.set_function(lambda: len(roll.stopped))

        async def missing() -> Collection[str]:
            return {each for each in (trainer.failing, herald.failing) if each}

        async with at_work("trainer", trainer.run, [catalog.follow(), herald.follow()]):
            yield service_app("Tranche trainer", "Has models learn.", registry, missing)
