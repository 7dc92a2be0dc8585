"""Wires the role: the file of webhooks, the changes stream and Redis into a courier each, beside a health page."""

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.runtime.clock import now_ms
from services.runtime.errors import OperatorError
from services.runtime.event_log.opening import open_changes_offsets, open_changes_reader
from services.runtime.event_log.port import LogOffsets
from services.runtime.http import serve, service_app
from services.runtime.metrics import WebhookMetrics, process_registry
from services.runtime.partition_count import agree_on_partitions
from services.runtime.redis_client import RedisClient, connect
from services.segmentation.wire import keys
from services.webhooks.courier import Courier
from services.webhooks.hooks_file import Hook, read_hooks
from services.webhooks.parcel import Filter
from services.webhooks.positions import Positions
from services.webhooks.sender import HttpSender
from services.webhooks.settings import WebhookSettings

REDIS_TIMEOUT_S = 5.0


class ChangesAreOff(OperatorError):
    """There is nothing to deliver."""


def run(settings: WebhookSettings) -> None:
    keep_addresses_out_of_logs()
    serve(lambda: open_app(settings), settings.host, settings.webhooks_port, settings.api_keys)


def keep_addresses_out_of_logs() -> None:
    """The client logs the address of each request, which may carry a token."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


@asynccontextmanager
async def open_app(settings: WebhookSettings) -> AsyncIterator[FastAPI]:
    """The health page, with the couriers at work as long as the context lasts. Raises OperatorError, REDIS_ERRORS."""
    hooks = read_hooks(settings.webhooks)
    if not settings.changes:
        raise ChangesAreOff("webhooks deliver the changes stream: set TRANCHE_CHANGES=on, for the workers too")
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        stack.push_async_callback(redis.aclose)
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
        offsets = await open_changes_offsets(settings)
        stack.push_async_callback(offsets.close)
        registry = process_registry()
        metrics = WebhookMetrics(registry, [hook.id for hook in hooks])
        couriers = [await _courier(settings, hook, redis, offsets, metrics, stack) for hook in hooks]

        async def missing() -> Collection[str]:
            return {each.failing for each in couriers if each.failing}

        async with _background(couriers):
            yield service_app("Tranche webhooks", "Delivers changes to receivers.", registry, missing)


async def _courier(
    settings: WebhookSettings,
    hook: Hook,
    redis: RedisClient,
    offsets: LogOffsets,
    metrics: WebhookMetrics,
    stack: AsyncExitStack,
) -> Courier:
    reader = await open_changes_reader(settings, range(settings.partitions), f"{settings.webhooks_group}.{hook.id}")
    stack.push_async_callback(reader.close)
    sender = HttpSender(hook, hook.signing_key(os.environ), now_ms)
    stack.push_async_callback(sender.close)
    courier = Courier(
        hook.id,
        Filter(hook.segments, hook.spaces),
        hook.max_batch,
        reader,
        Positions(redis, offsets, hook.id, hook.begin),
        sender,
        metrics,
        _steady_ms,
        random.random,
    )
    metrics.waiting_seconds.labels(hook.id).set_function(partial(_waiting_s, courier))
    return courier


@asynccontextmanager
async def _background(couriers: Sequence[Courier]) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    working = [asyncio.create_task(each.run(stopping)) for each in couriers]
    for task in working:
        task.add_done_callback(_stop_process)
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*working)


def _stop_process(working: asyncio.Task[None]) -> None:
    """A courier ends only when its webhook is disabled; anything else is a fault, and the process starts anew."""
    if not working.cancelled() and working.exception():
        signal.raise_signal(signal.SIGTERM)


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _waiting_s(courier: Courier) -> float:
    return max(0, now_ms() - courier.parcel.oldest_ms) / 1000 if courier.parcel else 0.0
