"""Wires the collector: settings, log and clock into an app, and the app into a process."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI, Request, Response

from services.collector.collect import Collect
from services.collector.contract import answers, request_body
from services.collector.settings import CollectorSettings
from services.runtime.clock import Clock, now_ms
from services.runtime.event_log.opening import open_offsets, open_writer
from services.runtime.event_log.port import LogOffsets, LogUnavailable, LogWriter
from services.runtime.http import serve, service_app
from services.runtime.metrics import CollectorMetrics, process_registry
from services.runtime.partition_count import agree_on_partitions
from services.runtime.redis_client import connect
from services.segmentation.wire import keys

REDIS_TIMEOUT_S = 5.0


def create_app(settings: CollectorSettings, writer: LogWriter, offsets: LogOffsets, clock: Clock) -> FastAPI:
    """The collector over a log that is open; the caller closes the log. Ready while `offsets` can be asked."""

    async def missing() -> Collection[str]:
        try:
            await offsets.ends()
        except LogUnavailable:
            return ["the event log"]
        return []

    registry = process_registry()
    app = service_app("Tranche collector", "Takes the events that websites send.", registry, missing)
    collect = Collect(settings, writer, clock, CollectorMetrics(registry))

    @app.post(
        "/v1/events",
        summary="Send events",
        description="Resend after 408, 503 or no answer: an event_id counts once.",
        tags=["events"],
        status_code=202,
        response_class=Response,
        responses=answers(settings),
        openapi_extra={"requestBody": request_body(settings)},
    )
    async def post_events(request: Request) -> Response:
        return await collect.answer(request)

    return app


@asynccontextmanager
async def open_app(settings: CollectorSettings) -> AsyncIterator[FastAPI]:
    """The collector with its log; what was opened is closed in the opposite order.

    Refuses to open where the log has another number of partitions: nobody would look for the events there.
    """
    if settings.kafka_bootstrap is None:
        await _agree_with_redis(settings)
    async with AsyncExitStack() as stack:
        writer = await open_writer(settings)
        stack.push_async_callback(writer.close)
        offsets = await open_offsets(settings)
        stack.push_async_callback(offsets.close)
        yield create_app(settings, writer, offsets, now_ms)


def run(settings: CollectorSettings) -> None:
    serve(lambda: open_app(settings), settings.host, settings.collector_port, settings.api_keys)


async def _agree_with_redis(settings: CollectorSettings) -> None:
    """With Kafka this is not needed: the writer asks the topic, and the collector has no Redis."""
    async with connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S) as redis:
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
