"""The event log on Apache Kafka, through aiokafka.

aiokafka heals itself when brokers come back, but much in it waits for that without end. So every wait on it is
bounded here, and whoever asks while the brokers are gone is told so at once (`lazy_client.py`).
"""

from services.runtime.event_log.kafka.offsets import KafkaOffsets
from services.runtime.event_log.kafka.reader import KafkaReader
from services.runtime.event_log.kafka.security import KafkaSecurity
from services.runtime.event_log.kafka.tail import KafkaTail
from services.runtime.event_log.kafka.topics import KafkaLog, WrongPartitionCount, ensure_topics
from services.runtime.event_log.kafka.writer import KafkaWriter

__all__ = [
    "KafkaLog",
    "KafkaOffsets",
    "KafkaReader",
    "KafkaSecurity",
    "KafkaTail",
    "KafkaWriter",
    "WrongPartitionCount",
    "ensure_topics",
]
