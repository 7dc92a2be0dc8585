"""A partition whose log has lost records, and the tools to repair it, on a real Redis of either sort."""

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from services.runtime.event_log.embedded import log_key
from services.runtime.event_log.port import LogReader
from services.runtime.redis_client import RedisClient
from services.segmentation.partitions import partition_of
from services.segmentation.wheel import HOUR_MS
from services.segmentation.wire import keys
from services.stream_worker.repair.fence import Fence
from services.stream_worker.repair.rebuild import rebuild
from services.stream_worker.repair.skip import skip
from services.stream_worker.repair.state import PartitionState, states_of
from services.stream_worker.worker import Worker
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import catalog_of
from tests.support.event_logs import EventLog

BROKEN, WHOLE = 0, 1
LATER_MS = 2 * HOUR_MS
"""When all happens: the users' events are two hours old."""
CONSENT = "{p00}:c:default:u-1"


class Repairs:
    """Events 1 of all users are applied, events 2 were lost in partition `BROKEN`, and events 3 wait in the log."""

    def __init__(self, redis: RedisClient, log: EventLog | None = None) -> None:
        self.redis, self.scene = redis, Scene(redis, log)
        self.scene.now_ms = LATER_MS
        self.offsets = self.scene.offsets
        self.fence = Fence(redis, lambda: self.scene.now_ms)

    async def begin(self) -> None:
        await self.scene.put(catalog_of("count('view', within='1h') >= 2", "count('view', within='1d') >= 1"))
        reader = self.scene.reader()
        async with working(await self.worker(reader)):
            await self.scene.send(1, USERS)
            await until(self.scene.is_applied)
        if self.scene.log:
            await reader.close()  # else it would stay in the group, and keep its part
        await self.scene.send(2, USERS)
        lost = (await self.offsets.ends())[BROKEN]
        await self.scene.send(3, USERS)
        if self.scene.log:
            await self.scene.log.trim(BROKEN, lost)
        else:
            await self.redis.xtrim(log_key(BROKEN), minid=f"{lost}-0", approximate=False)
        await self.redis.set(CONSENT, "withdrawn")
        await self.redis.set(keys.PARTITIONS, PARTITIONS)

    async def worker(self, reader: LogReader | None = None) -> Worker:
        catalog = self.scene.catalog()
        await catalog.refresh()
        return self.scene.worker(catalog, reader=reader)

    async def state(self, partition: int = BROKEN) -> PartitionState:
        return (await states_of(self.redis, self.offsets, PARTITIONS))[partition]

    async def skip(self) -> int:
        return await skip(self.fence, self.offsets, BROKEN)

    async def rebuild(self, forgotten: Callable[[int], None] = lambda _: None) -> int:
        return await rebuild(self.redis, self.fence, self.offsets, BROKEN, forgotten)

    async def apply_the_rest(self) -> None:
        async with working(await self.worker()):
            await until(self.scene.is_applied)

    async def counts(self, partition: int) -> set[int]:
        """The numbers of events that the users of a partition have."""
        states = await self.scene.states()
        mine = [state for user, state in states.items() if partition_of(user, PARTITIONS) == partition]
        return {len(state.profile.types["view"].entries) if state.profile else 0 for state in mine}

    async def names(self) -> set[str]:
        """All keys of the broken partition."""
        tag = keys.watermark(BROKEN).removesuffix("wm")
        where: dict[str, Any] = {} if isinstance(self.redis, Redis) else {"target_nodes": self.redis.PRIMARIES}
        return {name.decode() async for name in self.redis.scan_iter(match=f"{tag}*", **where)}
