"""The owner of a partition without a log: applies events, follows edits and sees to the counts when it is told to."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC
from typing import cast

from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import Membership
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership
from services.stream_worker.cache import StateCache
from services.stream_worker.refresh import Refresher
from services.stream_worker.store import Overtaken, UserStore
from services.stream_worker.upkeep import Upkeep
from services.stream_worker.write import Write


class Owner:
    def __init__(self, redis: RedisClient, partition: int) -> None:
        self.partition, self.now_ms = partition, 0
        self._store, self._cache = UserStore(redis, lambda: self.now_ms), StateCache(10_000)
        self._refresher = Refresher(self._store, self._cache, TimeZones())
        self._upkeep = Upkeep(self._store)
        self._position = 0

    async def open(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._cache.drop([self.partition])
        opened = await self._store.open(self.partition)
        self._position = opened.watermark
        self._refresher.open(self.partition, opened.refreshed if opened.counted else 0)

    async def apply(self, events: Iterable[Event], catalog: Catalog) -> bool:
        """Returns whether it was written; what failed leaves it to be opened again."""
        with suppress(Overtaken):
            return await self._apply(events, catalog)
        return False

    async def _apply(self, events: Iterable[Event], catalog: Catalog) -> bool:
        by_member: dict[str, list[Event]] = {}
        for event in events:
            by_member.setdefault(keys.member(event.space, event.user_id), []).append(event)
        writes = []
        for member, facts in by_member.items():
            before = await self._state(member)
            after = step(before, facts, catalog, KEEP_ALL, UTC)
            writes += [Write(member, before, after)] if after is not before else []
        end = self._position + 1
        if not await self._store.apply(self.partition, self._position, end, writes):
            return False
        self._position = end
        for write in writes:
            self._cache.put(self.partition, write.member, write.state)
        return True

    async def refresh(self, catalog: Catalog) -> bool:
        """A step of the pass."""
        with suppress(Overtaken):
            return not await some(self._refresher, catalog, self._positions)
        return False

    async def upkeep(self, now_ms: int, steps: int = 1_000) -> bool:
        """As much as is due, in at most so many steps."""
        self.now_ms = now_ms
        for _ in range(steps):
            if not self._upkeep.due(self._positions):
                return True
            try:
                if not await self._upkeep.step(self.partition, self._position):
                    return False
            except Overtaken:
                return False
        return True

    @property
    def _positions(self) -> Mapping[int, int]:
        return {self.partition: self._position}

    async def _state(self, member: str) -> UserState:
        cached = self._cache.get(self.partition, member)
        return cached or (await self._store.load(self.partition, [member]))[0]


async def some(refresher: Refresher, catalog: Catalog, positions: Mapping[int, int]) -> list[int]:
    """A turn of the pass; returns the partitions whose write was refused."""
    turn = refresher.turn(catalog)
    return [partition for partition in turn if not await refresher.step(partition, catalog, positions[partition])]


async def stored_memberships(redis: RedisClient, partition: int) -> list[tuple[str, Membership]]:
    """Each with its space."""
    found = []
    for member in cast("list[bytes]", await redis.zrange(keys.users(partition), 0, -1)):
        name = member.decode()
        data = await redis.get(keys.membership(partition, name))
        assert isinstance(data, bytes)
        found.append((keys.space_of(name), decode_membership(data)))
    return found


def count(memberships: Iterable[tuple[str, Membership]], at_ms: int) -> dict[str, dict[int, int]]:
    """Users by space and ordinal, one by one."""
    sizes: dict[str, dict[int, int]] = {}
    for space, membership in memberships:
        for span in membership.at(at_ms):
            of_space = sizes.setdefault(space, {})
            of_space[span.ordinal] = of_space.get(span.ordinal, 0) + 1
    return sizes
