"""A log with one worker or more in this process, on a real Redis, and how to wait for what they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.port import LogOffsets, LogReader, LogWriter, Message
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import RedisClient, get_many
from services.runtime.watched import WatchedValue
from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState
from services.segmentation.events import encode_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.catalog import CatalogReader
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile
from services.segmentation.wire.sizes import decode_turn
from services.stream_worker.cache import StateCache
from services.stream_worker.sampler import Sampler
from services.stream_worker.store import UserStore
from services.stream_worker.worker import Worker
from tests.stream_worker.states import view
from tests.support.event_logs import EventLog

PARTITIONS = 2
USERS = [f"u-{number}" for number in range(600)]


class Scene:
    """A log with one worker or more, and what they make of it. The log is in the same Redis, unless one is given."""

    def __init__(self, redis: RedisClient, log: EventLog | None = None, partitions: int = PARTITIONS) -> None:
        self.redis, self.log, self.now_ms, self.partitions = redis, log, 0, partitions
        self.writer: LogWriter = log.writer() if log else EmbeddedWriter(redis)
        self.offsets: LogOffsets = log.offsets() if log else EmbeddedOffsets(redis, partitions)

    async def put(self, catalog: Catalog) -> None:
        await self.redis.hset(keys.CATALOG, mapping={"version": catalog.version, "document": catalog.encode()})

    async def send(self, number: int, users: list[str]) -> None:
        events = [view(number, user) for user in users]
        await self.writer.append(
            [Message(partition_of(each.user_id, self.partitions), b"k", encode_event(each)) for each in events]
        )

    async def append(self, partition: int, value: bytes) -> None:
        await self.writer.append([Message(partition, b"k", value)])

    def catalog(self) -> WatchedValue[Catalog]:
        """Looks again only when it is told to."""
        reading = CatalogReader()
        return WatchedValue(self.redis, keys.CATALOG, reading.decode, Catalog(), references=reading)

    def reader(self) -> LogReader:
        return self.log.reader() if self.log else EmbeddedReader(self.redis, range(self.partitions))

    def worker(
        self,
        catalog: WatchedValue[Catalog],
        metrics: WorkerMetrics | None = None,
        reader: LogReader | None = None,
        sampler: Sampler | None = None,
        store: UserStore | None = None,
    ) -> Worker:
        return Worker(
            reader or self.reader(),
            self.writer,
            store or UserStore(self.redis, lambda: self.now_ms),
            StateCache(10_000),
            catalog,
            KEEP_ALL,
            TimeZones(),
            self.partitions,
            150,
            metrics or WorkerMetrics(CollectorRegistry()),
            lambda: self.now_ms,
            sampler=sampler,
        )

    async def states(self) -> dict[str, UserState]:
        found: dict[str, UserState] = {}
        for partition in range(self.partitions):
            here = [user for user in USERS if partition_of(user, self.partitions) == partition]
            found |= {user: await self._state(partition, f"default:{user}") for user in here}
        return found

    async def _state(self, partition: int, member: str) -> UserState:
        names = [keys.profile(partition, member), keys.membership(partition, member)]
        profile, membership = await get_many(self.redis, names)
        return UserState(
            decode_profile(profile) if profile else None, decode_membership(membership) if membership else None
        )

    async def counts(self) -> set[int]:
        """The numbers of events that users have."""
        found = (await self.states()).values()
        return {len(state.profile.types["view"].entries) if state.profile else 0 for state in found}

    async def versions(self) -> set[int]:
        """The catalog versions of all memberships."""
        return {
            state.membership.catalog_version if state.membership else -1 for state in (await self.states()).values()
        }

    async def size(self, at_ms: int) -> int:
        """Of the first segment."""
        return (await SegmentSizes(self.redis, self.partitions).now("default", at_ms)).get(0, 0)

    async def counts_are_turned(self, now_ms: int) -> bool:
        turns = [await self.redis.get(keys.turn(partition)) for partition in range(self.partitions)]
        return all(isinstance(turn, bytes) and decode_turn(turn)[1].due_ms > now_ms for turn in turns)

    async def has_applied(self, partition: int) -> bool:
        ends = await self.offsets.ends()
        return int(await self.redis.get(keys.watermark(partition)) or 0) == ends[partition]

    async def is_applied(self) -> bool:
        return all([await self.has_applied(partition) for partition in range(self.partitions)])

    async def is_refreshed(self, catalog: Catalog, partitions: Iterable[int] = range(PARTITIONS)) -> bool:
        return all(
            [int(await self.redis.get(keys.refreshed(partition)) or 0) == catalog.version for partition in partitions]
        )


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what it waits for is in Redis
            await asyncio.sleep(0.01)
