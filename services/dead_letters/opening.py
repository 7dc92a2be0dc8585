"""Where the dead letters of this deployment lie: on Kafka where brokers are named, else in Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.dead_letters.box import LetterBox
from services.dead_letters.embedded_box import EmbeddedBox
from services.dead_letters.kafka_box import KafkaBox
from services.runtime.event_log.opening import kafka_log
from services.runtime.redis_client import connect
from services.runtime.settings import Settings

REDIS_TIMEOUT_S = 5.0


@asynccontextmanager
async def open_box(settings: Settings) -> AsyncIterator[LetterBox]:
    redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
    box = EmbeddedBox(redis) if settings.kafka_bootstrap is None else KafkaBox(kafka_log(settings), redis)
    try:
        yield box
    finally:
        await box.close()
