"""The end of a topic, read by a consumer that belongs to no group and commits nothing."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from services.runtime.event_log.kafka.lazy_client import LazyClient
from services.runtime.event_log.kafka.topics import KafkaLog
from services.runtime.event_log.port import LogUnavailable, Record
from services.runtime.event_log.tail import Stretch

_FETCH_MS = 200
_FETCH_WAIT_MS = 50  # what is asked for next waits for the fetch that is under way


class KafkaTail:
    """`timeout_s` bounds each call."""

    def __init__(self, log: KafkaLog, *, timeout_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        self._partitions = [TopicPartition(log.topic, partition) for partition in range(log.partitions)]
        self._consumer = LazyClient(
            lambda: AIOKafkaConsumer(
                **log.client_options(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=_FETCH_WAIT_MS,
            ),
            timeout_s,
        )

    async def ends(self) -> Mapping[int, int]:
        consumer = await self._consumer.get()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await consumer.end_offsets(self._partitions)
        except (KafkaError, OSError) as error:
            raise self._gone(consumer, error) from error
        return {each.partition: offset for each, offset in found.items()}

    async def read(self, stretches: Mapping[int, tuple[int, int]], max_records: int) -> Mapping[int, Stretch]:
        consumer = await self._consumer.get()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._read(consumer, stretches, max_records)
        except (KafkaError, OSError) as error:
            raise self._gone(consumer, error) from error

    async def close(self) -> None:
        await self._consumer.close()

    async def _read(
        self, consumer: AIOKafkaConsumer, stretches: Mapping[int, tuple[int, int]], room: int
    ) -> Mapping[int, Stretch]:
        wanted = {self._partitions[partition]: stretch for partition, stretch in stretches.items()}
        begins = await consumer.beginning_offsets(list(wanted))
        nexts = {where: min(max(begin, begins[where]), end) for where, (begin, end) in wanted.items()}
        found: dict[TopicPartition, list[Record]] = {where: [] for where in wanted}
        consumer.assign(list(wanted))
        for where, offset in nexts.items():
            consumer.seek(where, offset)
        while room > 0 and (short := [where for where, (_, end) in wanted.items() if nexts[where] < end]):
            batches = await consumer.getmany(*short, timeout_ms=_FETCH_MS, max_records=room)
            for where, batch in batches.items():
                found[where] += [_record(each) for each in batch if each.offset < wanted[where][1]]
                room -= len(batch)
            for where in short:
                nexts[where] = min(await consumer.position(where), wanted[where][1])
        consumer.pause(*wanted)  # it would ask on and on
        return {where.partition: Stretch(records, nexts[where]) for where, records in found.items()}

    def _gone(self, consumer: AIOKafkaConsumer, error: Exception) -> LogUnavailable:
        self._consumer.drop(consumer)
        return LogUnavailable(f"Kafka: {error!r}")


def _record(found: ConsumerRecord) -> Record:
    return Record(found.partition, found.offset, found.key or b"", found.value or b"", found.timestamp)
