"""A changes stream embedded in a real Redis, and couriers of this process that deliver it to real receivers."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import uuid4

import orjson
from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.embedded_names import CHANGES
from services.runtime.event_log.port import Message
from services.runtime.metrics import WebhookMetrics
from services.runtime.redis_client import RedisClient
from services.segmentation.partitions import partition_of
from services.webhooks.courier import Courier
from services.webhooks.hooks_file import Hook
from services.webhooks.parcel import Filter
from services.webhooks.positions import Positions
from services.webhooks.sender import HttpSender
from services.webhooks.signature import SigningKey
from tests.webhooks.receiver import SECRET, Receiver

PARTITIONS = 4
USERS = [f"u-{number}" for number in range(12)]
A_DAY_MS = 24 * 3_600_000


def change(user: str, number: int, segment: str = "s", space: str = "default") -> bytes:
    return orjson.dumps({"id": uuid4().hex, "user_id": user, "space": space, "segment": segment, "number": number})


def message(user: str, number: int, segment: str = "s", space: str = "default") -> Message:
    return Message(partition_of(user, PARTITIONS), user.encode(), change(user, number, segment, space))


def patient_clock() -> Callable[[], int]:
    """It stands still: no wait ends."""
    return lambda: 0


def hasty_clock(step_ms: int = 10 * 60_000) -> Callable[[], int]:
    """Whoever looks twice finds that longer has passed than any wait takes."""
    return count(0, step_ms).__next__


class Scene:
    def __init__(self, redis: RedisClient, kept: int = 10_000) -> None:
        self.redis = redis
        self.registry = CollectorRegistry()
        self.metrics = WebhookMetrics(self.registry, ["crm", "dsp"])
        self._writer = EmbeddedWriter(redis, kept, CHANGES, forgets=True)
        self._told = {user: count(1) for user in USERS}

    async def tell(self, changes: int, segment: str = "s", space: str = "default") -> None:
        """So many more changes of every user."""
        for _ in range(changes):
            await self._writer.append([message(user, next(self._told[user]), segment, space) for user in USERS])

    async def put(self, *messages: Message) -> None:
        await self._writer.append(messages)

    def positions(self, hook_id: str = "crm", *, begin: bool = False) -> Positions:
        offsets = EmbeddedOffsets(self.redis, PARTITIONS, CHANGES)
        return Positions(self.redis, offsets, hook_id, "beginning" if begin else "end")

    @asynccontextmanager
    async def courier(
        self,
        receiver: Receiver,
        hook_id: str = "crm",
        wanted: Filter = Filter(),  # noqa: B008 - it is frozen
        max_batch: int = 100,
        *,
        begin: bool = True,
        steady_ms: Callable[[], int] | None = None,
        timeout_s: float = 5,
    ) -> AsyncIterator[Courier]:
        hook = Hook.model_validate({"id": hook_id, "url": receiver.url, "secret": SECRET})
        sender = HttpSender(hook, SigningKey(SECRET), lambda: 1_732_240_000_000, timeout_s=timeout_s)
        reader = EmbeddedReader(self.redis, range(PARTITIONS), CHANGES, trims=False)
        yield Courier(
            hook_id,
            wanted,
            max_batch,
            reader,
            self.positions(hook_id, begin=begin),
            sender,
            self.metrics,
            steady_ms or hasty_clock(),
            random.random,
        )
        await sender.close()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@asynccontextmanager
async def working(*couriers: Courier) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(each.run(stopping)) for each in couriers]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is of another process, or of none
            await asyncio.sleep(0.005)


def expected(last: int, first: int = 1) -> dict[str, list[int]]:
    return {user: list(range(first, last + 1)) for user in USERS}


def without_repeats(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def seen(receiver: Receiver) -> dict[str, list[int]]:
    """What each user's changes were, by their first deliveries."""
    return {user: without_repeats(numbers) for user, numbers in receiver.changes_by_user().items()}


def statuses(*answers: int) -> Iterator[int]:
    """These, and 204 from then on."""
    yield from answers
    while True:
        yield 204
