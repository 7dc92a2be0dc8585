"""Where the topic's partitions end."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.runtime.event_log.kafka.lazy_client import LazyClient
from services.runtime.event_log.kafka.topics import KafkaLog
from services.runtime.event_log.port import LogUnavailable


class KafkaOffsets:
    """Asks through a consumer that belongs to no group. `timeout_s` bounds each call."""

    def __init__(self, log: KafkaLog, *, timeout_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        self._partitions = [TopicPartition(log.topic, partition) for partition in range(log.partitions)]
        self._consumer = LazyClient(
            lambda: AIOKafkaConsumer(bootstrap_servers=log.bootstrap, group_id=None, enable_auto_commit=False),
            timeout_s,
        )

    async def ends(self) -> dict[int, int]:
        consumer = await self._consumer.get()
        try:
            async with asyncio.timeout(self._timeout_s):
                ends = await consumer.end_offsets(self._partitions)
        except (KafkaError, OSError) as error:
            self._consumer.drop(consumer)
            raise LogUnavailable(f"Kafka: {error!r}") from error
        return {each.partition: end for each, end in ends.items()}

    async def close(self) -> None:
        await self._consumer.close()
