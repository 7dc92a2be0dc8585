"""How many users are in each segment, at a moment and later on: the sum of what the partitions count."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypedDict, TypeVar

from services.runtime.redis_client import RedisClient
from services.segment_api.sizes.reads import SizeReads
from services.segment_api.sizes.recent import Recent
from services.segmentation.wheel import DAY_MS, HOUR_MS

T = TypeVar("T")

PARTITIONS_AT_ONCE = 8

Sizes = Mapping[str, Mapping[int, int]]
"""Users by space, then by the segment's ordinal."""


class Size(TypedDict):
    at: int
    """Milliseconds since 1970."""
    size: int


class SegmentSizes:
    """All calls raise REDIS_ERRORS. What was read is given again to whoever asks for the next second.

    A segment that asks the ad request is not counted, and its size means nothing.
    """

    def __init__(self, redis: RedisClient, partitions: int) -> None:
        self._reads, self._partitions = SizeReads(redis), partitions
        self._at_once = asyncio.Semaphore(PARTITIONS_AT_ONCE)
        self._sizes: Recent[None, Sizes] = Recent()
        self._forecasts: Recent[tuple[str, int, int, int], list[Size]] = Recent()

    async def now(self, space: str, at_ms: int) -> Mapping[int, int]:
        """Users by ordinal, without those segments in which there are none. `at_ms` is now, or later."""
        return (await self.in_spaces(at_ms)).get(space, {})

    async def in_spaces(self, at_ms: int) -> Sizes:
        """The same of every space that ever had a member."""
        return await self._sizes.get(None, at_ms, lambda: self._read(at_ms))

    async def forecast(self, ordinal: int, space: str, from_ms: int, hours: int = 24, days: int = 30) -> list[Size]:
        """The size at each of the next whole hours and then days (UTC), if nothing else happens.

        Where a partition has been without a worker for a day, an hour that only it could tell is left out.
        """
        key = (space, ordinal, hours, days)
        return await self._forecasts.get(key, from_ms, lambda: self._forecast(ordinal, space, from_ms, hours, days))

    async def _read(self, at_ms: int) -> Sizes:
        sizes: dict[str, Counter[int]] = {}
        for found in await self._of_all(lambda partition: self._reads.now(partition, at_ms)):
            for (space, ordinal), users in found.items():
                sizes.setdefault(space, Counter())[ordinal] += users
        return sizes

    async def _forecast(self, ordinal: int, space: str, from_ms: int, hours: int, days: int) -> list[Size]:
        points_ms = list(_points_ms(from_ms, hours, days))
        until_ms = points_ms[-1]
        found = await self._of_all(lambda partition: self._reads.ahead(partition, space, ordinal, from_ms, until_ms))
        known = [sizes for sizes in found if sizes is not None]
        return [
            {"at": at_ms, "size": sum(sizes[at_ms] for sizes in known)}
            for at_ms in points_ms
            if all(at_ms in sizes for sizes in known)
        ]

    async def _of_all(self, read: Callable[[int], Awaitable[T]]) -> list[T]:
        async def bounded(partition: int) -> T:
            async with self._at_once:
                return await read(partition)

        return await asyncio.gather(*(bounded(partition) for partition in range(self._partitions)))


def _points_ms(from_ms: int, hours: int, days: int) -> Iterator[int]:
    first_hour, first_day = from_ms // HOUR_MS + 1, from_ms // DAY_MS + 1
    last_hour_ms = (first_hour + hours - 1) * HOUR_MS
    yield from range(first_hour * HOUR_MS, last_hour_ms + 1, HOUR_MS)
    for day_ms in range(first_day * DAY_MS, (first_day + days) * DAY_MS, DAY_MS):
        if day_ms > last_hour_ms:
            yield day_ms
