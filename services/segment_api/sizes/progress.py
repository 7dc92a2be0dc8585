"""How far the background pass is that brings the stored memberships up to date after an edit."""

import asyncio
from typing import NamedTuple

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient, get_many
from services.segment_api.sizes.recent import Recent
from services.segmentation.wire import keys

PARTITIONS_AT_ONCE = 8


class _Partition(NamedTuple):
    members: int
    refreshed: int
    """The version that all of them have reached."""
    target: int
    """The version that they are on the way to."""
    walked: float
    """The part of them that has reached it."""

    def reached(self, version: int) -> float:
        """The members that have, for certain: those who were seen meanwhile have as well, and are not known."""
        if self.refreshed >= version:
            return self.members
        return self.members * self.walked if self.target >= version else 0


class Progress:
    def __init__(self, redis: RedisClient, partitions: int, now_ms: Clock) -> None:
        self._redis, self._partitions, self._now_ms = redis, range(partitions), now_ms
        self._at_once = asyncio.Semaphore(PARTITIONS_AT_ONCE)
        self._recent: Recent[None, list[_Partition]] = Recent()

    async def of(self, version: int) -> float:
        """The part of the stored memberships that has reached a version of the catalog: 1.0 when all of them have.

        Raises REDIS_ERRORS.
        """
        found = await self._recent.get(None, self._now_ms(), self._read)
        members = sum(partition.members for partition in found)
        return sum(partition.reached(version) for partition in found) / members if members else 1.0

    async def _read(self) -> list[_Partition]:
        names = [sort(partition) for sort in (keys.refreshed, keys.refreshing) for partition in self._partitions]
        # Before the members are counted: one who came between the two has the newest version.
        stored = await get_many(self._redis, names)
        members = await asyncio.gather(*(self._members(partition) for partition in self._partitions))
        count = len(self._partitions)
        return [
            _Partition(number, int(refreshed or 0), *_walk(refreshing))
            for number, refreshed, refreshing in zip(members, stored[:count], stored[count:], strict=True)
        ]

    async def _members(self, partition: int) -> int:
        async with self._at_once:
            return int(await self._redis.zcard(keys.users(partition)))


def _walk(refreshing: bytes | None) -> tuple[int, float]:
    """The version aimed at, and the part of the members walked over; never all of them before the walk is finished."""
    version, walked, members = map(int, (refreshing or b"0 0 0").split())
    return version, min(walked, members - 1) / members if members else 0.0
