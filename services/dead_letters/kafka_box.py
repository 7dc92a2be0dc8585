"""The letters on Kafka: records of a topic, which cannot be removed. Those that are settled are noted in Redis.

The notes are a sorted set of offsets in the topic, and go when the topic's retention has taken the letters. Where Redis
loses them, the letters are left once more, which costs a look and harms nobody.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from services.dead_letters.box import Letter
from services.runtime.event_log.kafka import KafkaLog
from services.runtime.event_log.port import DeadLetter, LogUnavailable
from services.runtime.redis_client import RedisClient

_TIMEOUT_S = 10.0
_FETCH_WAIT_MS = 1_000
_PAGE = 20


class KafkaBox:
    """Reads with consumers of no group. `redis` is closed with the box."""

    def __init__(self, log: KafkaLog, redis: RedisClient) -> None:
        self._log, self._redis = log, redis
        self._where = TopicPartition(log.dead_letters, 0)
        self._notes = f"tranche:dead-letters:settled:{log.dead_letters}"

    async def left(self) -> AsyncGenerator[Letter, None]:
        async with self._consumer() as consumer:
            begin, end = await self._range(consumer)
            await self._redis.zremrangebyscore(self._notes, "-inf", f"({begin}")
            settled = set(await self._redis.zrange(self._notes, 0, -1))
            async for record in self._records(consumer, begin, end):
                letter = _letter(record)
                if letter is not None and letter.place.encode() not in settled:
                    yield letter

    async def settle(self, letters: Sequence[Letter]) -> None:
        if letters:
            await self._redis.zadd(self._notes, {each.place: int(each.place) for each in letters})

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self._log.client_options(), group_id=None, enable_auto_commit=False)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await consumer.start()
            yield consumer
        except (KafkaError, OSError) as error:
            raise LogUnavailable(f"Kafka: {error!r}") from error
        finally:
            await asyncio.wait([asyncio.create_task(consumer.stop())], timeout=_TIMEOUT_S)

    async def _range(self, consumer: AIOKafkaConsumer) -> tuple[int, int]:
        async with asyncio.timeout(_TIMEOUT_S):
            if self._where.topic not in await consumer.topics():
                return 0, 0
            begins = await consumer.beginning_offsets([self._where])
            ends = await consumer.end_offsets([self._where])
        return begins[self._where], ends[self._where]

    async def _records(self, consumer: AIOKafkaConsumer, begin: int, end: int) -> AsyncIterator[ConsumerRecord]:
        if begin == end:
            return
        consumer.assign([self._where])
        consumer.seek(self._where, begin)
        while (position := await consumer.position(self._where)) < end:
            page = await self._page(consumer, position)
            for record in page:
                if record.offset < end:
                    yield record

    async def _page(self, consumer: AIOKafkaConsumer, position: int) -> list[ConsumerRecord]:
        """The next records; none where the position moved on without any. Raises TimeoutError."""
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                found = await consumer.getmany(self._where, timeout_ms=_FETCH_WAIT_MS, max_records=_PAGE)
                if found or await consumer.position(self._where) != position:
                    return list(found.get(self._where, ()))


def _letter(record: ConsumerRecord) -> Letter | None:
    """None for a record that no worker of ours has put there."""
    headers = dict(record.headers)
    try:
        reason, partition, offset = headers["reason"].decode(), int(headers["partition"]), int(headers["offset"])
    except (KeyError, ValueError):
        return None
    content = DeadLetter(reason, partition, offset, record.key or b"", record.value or b"")
    return Letter(str(record.offset), record.timestamp, content)
