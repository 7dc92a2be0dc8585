"""The producer's side: what is handed to aiokafka, how long it is waited for and how much of it there may be.

The producer is idempotent and tries until it succeeds. So a message that was not confirmed in time may still get into
the log much later, once and in order. As long as any message waits longer than is usual, everything new is refused at
once: the brokers are away or overloaded, and more would only wait behind. Those that wait already may still be lucky.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.runtime.event_log.kafka.lazy_client import LazyClient
from services.runtime.event_log.kafka.topics import MAX_LETTER_BYTES, KafkaLog
from services.runtime.event_log.port import DeadLetter, LogUnavailable, Message

_LINGER_MS = 2
_BATCH_BYTES = 256 * 1024  # a producer has one batch of a partition on its way at a time; brokers take 1 MiB
_REQUEST_TIMEOUT_MS = 5_000
_MESSAGE_BYTES = 400  # what a message takes beside its key and value while it waits, measured
_LATE_S = 1.0  # a leader that moves or a broker that collects garbage is no outage yet
_LOOK_S = 0.1
_CLOSE_S = 1.0  # for what nobody waits for any more


@dataclass(frozen=True, slots=True)
class _Outgoing:
    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class KafkaWriter:
    """`timeout_s` bounds each call. Unsettled messages take no more memory than `max_unsettled_bytes`."""

    def __init__(self, log: KafkaLog, *, timeout_s: float = 5.0, max_unsettled_bytes: int = 32 * 1024 * 1024) -> None:
        self._log = log
        self._timeout_s = timeout_s
        self._max_unsettled_bytes = max_unsettled_bytes
        self._producer = LazyClient(self._make_producer, timeout_s)
        self._unsettled: dict[asyncio.Task[None], int] = {}
        self._late: set[asyncio.Task[None]] = set()

    async def append(self, messages: Sequence[Message]) -> None:
        await self._put([_Outgoing(self._log.topic, each.partition, each.key, each.value) for each in messages])

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        """As the port says. Key and value stay as they are; the rest is in the headers."""
        await self._put(
            [_Outgoing(self._log.dead_letters, 0, each.key, each.value, _headers(each)) for each in letters]
        )

    async def close(self) -> None:
        await self._producer.close(_CLOSE_S)
        for delivery in self._unsettled:
            delivery.cancel()

    async def _put(self, batch: Sequence[_Outgoing]) -> None:
        size_bytes = sum(_MESSAGE_BYTES + len(each.key) + len(each.value) for each in batch)
        if self._late:
            raise LogUnavailable("Kafka has not confirmed earlier messages yet")
        if sum(self._unsettled.values()) + size_bytes > self._max_unsettled_bytes:
            raise LogUnavailable("too much is waiting for Kafka already")
        # A task of its own and never cancelled: what was handed over stays with the producer, whoever stops waiting.
        delivery = asyncio.create_task(self._deliver(batch))
        self._unsettled[delivery] = size_bytes
        delivery.add_done_callback(self._settle)
        await self._wait(delivery)
        if not delivery.done():
            raise LogUnavailable(f"Kafka has not confirmed the messages within {self._timeout_s:g} s")
        delivery.result()

    async def _wait(self, delivery: asyncio.Task[None]) -> None:
        # Looks are counted, not time: an answer may have come while this process itself stood still. Nor is a message
        # late before there is a producer to hand it to.
        end_s, looks = time.monotonic() + self._timeout_s, 0
        while looks < _LATE_S / _LOOK_S and time.monotonic() < end_s:
            await asyncio.wait([delivery], timeout=_LOOK_S)
            if delivery.done():
                return
            looks += self._producer.current is not None
        self._late.add(delivery)
        await asyncio.wait([delivery], timeout=max(0.0, end_s - time.monotonic()))

    def _settle(self, delivery: asyncio.Task[None]) -> None:
        del self._unsettled[delivery]
        self._late.discard(delivery)
        if not delivery.cancelled():
            delivery.exception()  # seen, also where nobody waits for it any more

    async def _deliver(self, batch: Sequence[_Outgoing]) -> None:
        """Return once every message is in the log or has failed. Raises LogUnavailable if any failed."""
        producer = await self._producer.get()
        failures: list[BaseException] = []
        handed_over: list[asyncio.Future[object]] = []
        try:
            for each in batch:
                handed_over.append(await _send(producer, each))  # noqa: PERF401 - those before a failure count
        except KafkaError as error:
            failures.append(error)
        outcomes = await asyncio.gather(*handed_over, return_exceptions=True)
        failures += [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            # After a batch that failed for good, brokers refuse the later ones of an idempotent producer.
            self._producer.drop(producer)
            raise LogUnavailable(f"Kafka: {failures[0]!r}") from failures[0]

    def _make_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._log.client_options(),
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_LETTER_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )


async def _send(producer: AIOKafkaProducer, each: _Outgoing) -> "asyncio.Future[object]":
    sent: asyncio.Future[object] = await producer.send(
        each.topic, value=each.value, key=each.key, partition=each.partition, headers=each.headers
    )
    return sent


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    return [
        ("reason", letter.reason.encode(errors="backslashreplace")),
        ("partition", b"%d" % letter.partition),
        ("offset", b"%d" % letter.offset),
    ]
