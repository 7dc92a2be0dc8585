"""Where what the topic holds begins and ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

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
            lambda: AIOKafkaConsumer(**log.client_options(), group_id=None, enable_auto_commit=False),
            timeout_s,
        )

    async def ends(self) -> dict[int, int]:
        return await self._ask(lambda consumer: consumer.end_offsets(self._partitions))

    async def begins(self) -> dict[int, int]:
        return await self._ask(lambda consumer: consumer.beginning_offsets(self._partitions))

    async def close(self) -> None:
        await self._consumer.close()

    async def _ask(
        self, question: Callable[[AIOKafkaConsumer], Awaitable[Mapping[TopicPartition, int]]]
    ) -> dict[int, int]:
        consumer = await self._consumer.get()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await question(consumer)
        except (KafkaError, OSError) as error:
            self._consumer.drop(consumer)
            raise LogUnavailable(f"Kafka: {error!r}") from error
        return {each.partition: offset for each, offset in found.items()}
