"""One consumer in its group: what the group gave it, what of that is open, and what is fetched.

Kafka's committed offsets are written as a hint for lag monitors and never used: `seek` alone says where to begin.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from services.runtime.event_log.kafka.topics import KafkaLog
from services.runtime.event_log.port import LogTrimmed, Record

_FETCH_WAIT_MS = 25  # what was just opened or drained waits for the fetch that is under way
_REQUEST_TIMEOUT_MS = 15_000  # more than a rebalance may take to be answered
_REBALANCE_TIMEOUT_MS = 10_000
_SLOWEST_HEARTBEAT_S = 1.0  # how a member hears of a rebalance; partitions stand still until all have
_GRACE_S = 0.1
_LOOK_UP_TIMEOUT_S = 2.0
_LONGEST_PAUSE_S = 1.0  # between two polls of a worker at work


class GroupMember(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Listens to the group by recording what it decides, and nothing more: it sends no heartbeat while it tells."""

    def __init__(self, log: KafkaLog, group: str, session_timeout_s: float) -> None:
        self.assigned: frozenset[int] = frozenset()
        self.opened: set[int] = set()
        self.silent_s = 0.0
        """For how long the opened partitions have been asked for without any answer, be it an empty one."""
        self._topic = log.topic
        self._answered_ms: int | None = None
        self._measured_s = time.monotonic()
        self._consumer = AIOKafkaConsumer(
            **log.client_options(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            session_timeout_ms=round(session_timeout_s * 1000),
            heartbeat_interval_ms=round(min(_SLOWEST_HEARTBEAT_S, session_timeout_s / 3) * 1000),
            rebalance_timeout_ms=_REBALANCE_TIMEOUT_MS,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Reach the brokers and ask to join; what the group gives comes later."""
        await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=self)

    async def stop(self) -> None:
        await self._consumer.stop()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - it is always all of them
        self.assigned, self.opened = frozenset(), set()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned = frozenset(each.partition for each in assigned)

    def seek(self, partition: int, offset: int) -> None:
        """Open the partition at `offset`, unless it has been lost."""
        if partition in self.assigned:
            self._consumer.seek(self._at(partition), offset)
            self.opened.add(partition)

    def shut(self, partition: int) -> None:
        self.opened.discard(partition)

    async def fetch(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records of the opened partitions. Raises LogTrimmed and KafkaError."""
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                batches = await self._get_many(max_records, timeout_s)
        except (TimeoutError, NoOffsetForPartitionError):  # a rebalance is under way, or has just closed everything
            batches = {}
        except OffsetOutOfRangeError as error:
            await self._refuse_if_trimmed(error)
            batches = {}
        # The group may have decided anew in the meantime: what is not open by now was read from some other position.
        records = [_record(each) for batch in batches.values() for each in batch if each.partition in self.opened]
        self._measure_silence(timeout_s, bool(records))
        return records

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Raises KafkaError; may wait for ever."""
        known = {self._at(each): offset for each, offset in offsets.items() if each in self.opened}
        if known:  # it refuses to commit nothing
            await self._consumer.commit(known)

    async def _get_many(self, max_records: int, timeout_s: float) -> Mapping[TopicPartition, list[ConsumerRecord]]:
        # By name, because what is not open is fetched too, from its committed offset, or complains that it has none.
        # And even when nothing is open, because who does not ask for long is put out of the group.
        wanted = [self._at(partition) for partition in self.opened] or [self._at(-1)]
        batches: Mapping[TopicPartition, list[ConsumerRecord]] = await self._consumer.getmany(
            *wanted, timeout_ms=round(timeout_s * 1000), max_records=max_records
        )
        return batches

    def _measure_silence(self, waited_s: float, any_records: bool) -> None:
        answers = [self._consumer.last_poll_timestamp(self._at(partition)) or 0 for partition in self.opened]
        answered_ms = max(answers, default=None)
        heard = any_records or answered_ms is None or answered_ms != self._answered_ms
        # Whoever has much else to do asks without waiting. What is more than a pause is no silence: the process slept.
        now_s = time.monotonic()
        since_s = min(now_s - self._measured_s, max(waited_s, _LONGEST_PAUSE_S))
        self.silent_s = 0.0 if heard else self.silent_s + since_s
        self._answered_ms, self._measured_s = answered_ms, now_s

    async def _refuse_if_trimmed(self, error: OffsetOutOfRangeError) -> None:
        """Raise LogTrimmed, unless it is about a committed offset, which nobody reads from."""
        [(where, position)] = error.args[0].items()
        if where.partition in self.opened:
            raise LogTrimmed(where.partition, position, *await self._range(where)) from error

    async def _range(self, where: TopicPartition) -> tuple[int | None, int | None]:
        try:
            async with asyncio.timeout(_LOOK_UP_TIMEOUT_S):
                begin = (await self._consumer.beginning_offsets([where]))[where]
                end = (await self._consumer.end_offsets([where]))[where]
        except (KafkaError, OSError):
            return None, None
        return begin, end

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def _record(found: ConsumerRecord) -> Record:
    """Other producers may leave key or value out."""
    return Record(found.partition, found.offset, found.key or b"", found.value or b"", found.timestamp)
