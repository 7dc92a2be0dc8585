"""Where requests go: to a server over HTTP, or as records straight to Kafka. What comes of each is an outcome."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from loadtests.load.generator.pool import Pool
from loadtests.load.measured.outcomes import ACCEPTED, LOST, TIMEOUT, judge
from loadtests.load.traffic.actions import Ask
from loadtests.load.traffic.plan import Plan

Ended = Callable[[str], None]


class Unreachable(Exception):
    """What requests are to be sent to is not there."""


class Sender(Protocol):
    async def open(self) -> None: ...

    def send(self, ask: Ask, due_s: float, ended: Ended) -> None:
        """Returns at once; `ended` is called exactly once, with the outcome."""

    @property
    def under_way(self) -> int: ...

    @property
    def most_waiting(self) -> int:
        """The most requests that ever waited for a connection."""

    async def close(self) -> None: ...


class HttpSender:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.open = pool.open

    def send(self, ask: Ask, due_s: float, ended: Ended) -> None:
        def over(status: int, body: bytes) -> None:
            ended(judge(ask.kind, status, body) if status else body.decode())

        self._pool.ask(ask.path, ask.body, due_s, over)

    @property
    def under_way(self) -> int:
        return self._pool.under_way

    @property
    def most_waiting(self) -> int:
        return self._pool.most_waiting

    async def close(self) -> None:
        self._pool.close()


class KafkaSender:
    """Every await is bounded, as aiokafka's own wait for ever when the brokers are gone."""

    most_waiting = 0

    def __init__(self, servers: str, topic: str, timeout_s: float) -> None:
        self._servers, self._topic, self._timeout_s = servers, topic, timeout_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises Unreachable where no broker answers."""
        self._producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all", linger_ms=2)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.start()
        except (TimeoutError, KafkaError) as error:
            await self.close()
            raise Unreachable(f"no Kafka at {self._servers}: {type(error).__name__}") from None

    def send(self, ask: Ask, due_s: float, ended: Ended) -> None:
        del due_s  # a record waits for nothing but the brokers
        task = asyncio.create_task(self._send(ask, ended))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    async def close(self) -> None:
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(self._timeout_s):
                await self._producer.stop()

    async def _send(self, ask: Ask, ended: Ended) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.send_and_wait(self._topic, ask.body, key=ask.key)
        except TimeoutError:
            ended(TIMEOUT)
        except KafkaError:
            ended(LOST)
        else:
            ended(ACCEPTED)


def senders(plan: Plan) -> dict[str, Sender]:
    """By kind of request. A kind that nobody takes has none."""
    target, found = plan.target, dict[str, Sender]()
    if target.api:
        lookups = HttpSender(Pool(target.api, plan.connections, plan.timeout_s, target.key))
        found |= {"lookup": lookups, "batch": lookups}
    if target.kafka:
        found["event"] = KafkaSender(target.kafka, target.topic, plan.timeout_s)
    elif target.collector:
        found["event"] = HttpSender(Pool(target.collector, plan.connections, plan.timeout_s, target.key))
    return found
