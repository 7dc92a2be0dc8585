"""How far each webhook has got, in Redis: for each partition the offset of the next change to deliver.

Written only after a receiver has accepted what comes before. So a position never runs ahead of the deliveries, and
whoever goes on from it delivers everything, some of it perhaps twice.
"""

from collections.abc import Mapping, Set
from typing import Literal

from services.runtime.event_log.port import LogOffsets
from services.runtime.redis_client import RedisClient, get_many


def position_key(partition: int, hook_id: str) -> str:
    return f"{{p{partition:02d}}}:hook:{hook_id}"


class Positions:
    def __init__(
        self, redis: RedisClient, offsets: LogOffsets, hook_id: str, begin: Literal["end", "beginning"]
    ) -> None:
        self._redis, self._offsets, self._hook_id, self._begin = redis, offsets, hook_id, begin

    async def load(self, partitions: Set[int]) -> dict[int, int]:
        """Where to go on. Where nothing was delivered yet, that is settled now. Raises REDIS_ERRORS, LogUnavailable."""
        found = await self.stored(partitions)
        if missing := partitions - found.keys():
            first = await (self._offsets.ends() if self._begin == "end" else self._offsets.begins())
            await self.store({partition: first[partition] for partition in missing})
            found = await self.stored(partitions)
        return found

    async def stored(self, partitions: Set[int]) -> dict[int, int]:
        """Those that there are. Raises REDIS_ERRORS."""
        values = await get_many(self._redis, [position_key(each, self._hook_id) for each in partitions])
        return {each: int(value) for each, value in zip(partitions, values, strict=True) if value is not None}

    async def store(self, positions: Mapping[int, int]) -> None:
        """Raises REDIS_ERRORS."""
        pipeline = self._redis.pipeline(transaction=False)
        for partition, offset in positions.items():
            pipeline.set(position_key(partition, self._hook_id), offset)
        await pipeline.execute()
