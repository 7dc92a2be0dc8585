"""Which event log a process uses: Apache Kafka where brokers are named, else the one embedded in Redis."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from services.runtime.event_log.port import LogOffsets, LogReader, LogWriter
from services.runtime.redis_client import connect
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from services.runtime.event_log.kafka import KafkaLog

REDIS_TIMEOUT_S = 5.0


async def open_writer(settings: Settings) -> LogWriter:
    """Raises LogUnavailable and OperatorError where the log's topics cannot be made sure of."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import MIN_PARTITION_RECORDS, EmbeddedWriter

        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        return EmbeddedWriter(redis, max(MIN_PARTITION_RECORDS, settings.embedded_backlog // settings.partitions))
    from services.runtime.event_log.kafka import KafkaWriter, ensure_topics

    log = _kafka_log(settings)
    await ensure_topics(log)
    return KafkaWriter(log)


async def open_reader(settings: Settings, share: Collection[int]) -> LogReader:
    """A reader of the partitions `share` of the embedded log; Kafka shares the partitions out by itself."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedReader

        return EmbeddedReader(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), share)
    from services.runtime.event_log.kafka import KafkaReader

    return KafkaReader(_kafka_log(settings), settings.kafka_group)


async def open_offsets(settings: Settings) -> LogOffsets:
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedOffsets

        return EmbeddedOffsets(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), settings.partitions)
    from services.runtime.event_log.kafka import KafkaOffsets

    return KafkaOffsets(_kafka_log(settings))


def _kafka_log(settings: Settings) -> "KafkaLog":
    from services.runtime.event_log.kafka import KafkaLog

    assert settings.kafka_bootstrap is not None
    return KafkaLog(settings.kafka_bootstrap, settings.kafka_topic, settings.partitions)
