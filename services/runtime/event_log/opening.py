"""Which logs a process uses: those on Apache Kafka where brokers are named, else those embedded in Redis.

There are three: the log of events, that of the changes that they cause, with as many partitions, and that of the
samples that models learn from, with a few.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from services.runtime.event_log.port import LogOffsets, LogReader, LogWriter
from services.runtime.event_log.tail import LogTail
from services.runtime.redis_client import connect
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from services.runtime.event_log.kafka import KafkaLog

REDIS_TIMEOUT_S = 5.0
SAMPLE_PARTITIONS = 8
"""Of the samples, which are spread by the model that learns from them."""


async def open_writer(settings: Settings) -> LogWriter:
    """Raises LogUnavailable and OperatorError where the log's topics cannot be made sure of."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import MIN_PARTITION_RECORDS, EmbeddedWriter

        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        return EmbeddedWriter(redis, max(MIN_PARTITION_RECORDS, settings.embedded_backlog // settings.partitions))
    from services.runtime.event_log.kafka import KafkaWriter, ensure_topics

    log = kafka_log(settings)
    await ensure_topics(log)
    return KafkaWriter(log)


async def open_reader(settings: Settings, share: Collection[int]) -> LogReader:
    """A reader of the partitions `share` of the embedded log; Kafka shares the partitions out by itself."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedReader

        return EmbeddedReader(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), share)
    from services.runtime.event_log.kafka import KafkaReader

    return KafkaReader(kafka_log(settings), settings.kafka_group, session_timeout_s=settings.kafka_session_timeout_s)


async def open_offsets(settings: Settings) -> LogOffsets:
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedOffsets

        return EmbeddedOffsets(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), settings.partitions)
    from services.runtime.event_log.kafka import KafkaOffsets

    return KafkaOffsets(kafka_log(settings))


async def open_changes_writer(settings: Settings) -> LogWriter:
    """Of the changes. Raises as `open_writer` does."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedWriter
        from services.runtime.event_log.embedded_names import CHANGES

        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        kept = max(1, settings.embedded_changes // settings.partitions)
        return EmbeddedWriter(redis, kept, CHANGES, forgets=True)
    from services.runtime.event_log.kafka import KafkaWriter, ensure_topics

    log = _kafka_changes(settings)
    await ensure_topics(log)
    return KafkaWriter(log)


async def open_changes_reader(settings: Settings, share: Collection[int], group: str) -> LogReader:
    """Of the changes: of the partitions `share` where they are embedded; Kafka shares them out in the group.

    The embedded log is trimmed by its length, whoever reads it. Raises as `open_writer` does.
    """
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedReader
        from services.runtime.event_log.embedded_names import CHANGES

        return EmbeddedReader(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), share, CHANGES, trims=False)
    from services.runtime.event_log.kafka import KafkaReader, ensure_topics

    log = _kafka_changes(settings)
    await ensure_topics(log)  # a consumer that comes first would have the brokers make it with their own settings
    return KafkaReader(log, group, session_timeout_s=settings.kafka_session_timeout_s)


async def open_changes_offsets(settings: Settings) -> LogOffsets:
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedOffsets
        from services.runtime.event_log.embedded_names import CHANGES

        return EmbeddedOffsets(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), settings.partitions, CHANGES)
    from services.runtime.event_log.kafka import KafkaOffsets

    return KafkaOffsets(_kafka_changes(settings))


def open_changes_tail(settings: Settings) -> LogTail:
    """Of the changes. Who writes them has seen to it that they have a place."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded_names import CHANGES
        from services.runtime.event_log.embedded_tail import EmbeddedTail

        return EmbeddedTail(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), settings.partitions, CHANGES)
    from services.runtime.event_log.kafka import KafkaTail

    return KafkaTail(_kafka_changes(settings))


async def open_samples_writer(settings: Settings) -> LogWriter:
    """Of the samples. Raises as `open_writer` does."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded import EmbeddedWriter
        from services.runtime.event_log.embedded_names import SAMPLES

        redis = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
        return EmbeddedWriter(redis, max(1, settings.embedded_samples // SAMPLE_PARTITIONS), SAMPLES, forgets=True)
    from services.runtime.event_log.kafka import KafkaWriter, ensure_topics

    log = _kafka_samples(settings)
    await ensure_topics(log)
    return KafkaWriter(log)


async def open_samples_tail(settings: Settings) -> LogTail:
    """Of the samples. Raises as `open_writer` does."""
    if settings.kafka_bootstrap is None:
        from services.runtime.event_log.embedded_names import SAMPLES
        from services.runtime.event_log.embedded_tail import EmbeddedTail

        return EmbeddedTail(connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S), SAMPLE_PARTITIONS, SAMPLES)
    from services.runtime.event_log.kafka import KafkaTail, ensure_topics

    log = _kafka_samples(settings)
    await ensure_topics(log)  # whoever comes first makes it
    return KafkaTail(log)


def _kafka_changes(settings: Settings) -> "KafkaLog":
    return replace(kafka_log(settings), topic=settings.changes_topic)


def _kafka_samples(settings: Settings) -> "KafkaLog":
    return replace(kafka_log(settings), topic=settings.samples_topic, partitions=SAMPLE_PARTITIONS)


def kafka_log(settings: Settings) -> "KafkaLog":
    """The topics and how to reach them; TRANCHE_KAFKA_BOOTSTRAP is set."""
    from services.runtime.event_log.kafka import KafkaLog, KafkaSecurity

    assert settings.kafka_bootstrap is not None
    password = settings.kafka_password
    security = KafkaSecurity(
        settings.kafka_security,
        settings.kafka_sasl_mechanism,
        settings.kafka_username,
        None if password is None else password.get_secret_value(),
        settings.kafka_ca,
        settings.kafka_certificate,
        settings.kafka_key,
    )
    return KafkaLog(settings.kafka_bootstrap, settings.kafka_topic, settings.partitions, security=security)
