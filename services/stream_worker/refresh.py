"""The background pass that brings stored memberships up to date after an edit of the catalog, a few users at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, refresh
from services.segmentation.membership import Membership
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.cache import StateCache
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Telling
from services.stream_worker.write import Walk, Write

PARTITIONS_A_TURN = 4


@dataclass
class _Way:
    """Where a walk is that brings a partition to a version of the catalog."""

    version: int
    members: int
    cursor: int = 0
    walked: int = 0


class Refresher:
    """Walks the users of each open partition until all memberships have reached the catalog's version."""

    def __init__(self, store: UserStore, cache: StateCache, zones: TimeZones, telling: Telling | None = None) -> None:
        self._store, self._cache, self._zones, self._telling = store, cache, zones, telling
        self._done: dict[int, int] = {}
        """The version that each open partition has reached."""
        self._ways: dict[int, _Way] = {}
        """Of each partition under way."""

    def open(self, partition: int, reached: int) -> None:
        """Take a partition on whose memberships have reached the catalog version `reached`."""
        self._done[partition] = reached

    def close(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._done.pop(partition, None)
            self._ways.pop(partition, None)

    def pending(self, catalog: Catalog) -> list[int]:
        """Those at another version, or with memberships of a newer one: Redis has lost an edit then."""
        return [
            partition
            for partition, version in self._done.items()
            if (version != catalog.version or self._store.newest(partition) > catalog.version)
            and (not self._telling or self._telling.settled_ms(partition) is not None)
        ]

    def turn(self, catalog: Catalog) -> list[int]:
        """The partitions whose turn it is: one that was opened anew comes last."""
        return self.pending(catalog)[:PARTITIONS_A_TURN]

    async def step(self, partition: int, catalog: Catalog, position: int) -> bool:
        """Refresh a bounded number of users, given the watermark; returns whether it was written.

        Raises UnreadableProfile; the users of its script are met again by the next walk.
        """
        settled_ms = self._telling.settled_ms(partition) if self._telling else None
        if self._telling and settled_ms is None:
            return True  # it was known a moment ago, and will be again
        way = self._ways.get(partition)
        if way is None or way.version != catalog.version:
            way = _Way(catalog.version, await self._store.members(partition))
        cursor, members = await self._store.scan(partition, way.cursor, self._store.room)
        walked = way.walked + len(members)
        walk = Walk(way.version, walked, way.members, finished=cursor == 0)
        states = await self._store.load(partition, members) if members else []
        if self._telling and settled_ms is not None:
            writes = await self._telling.bring_up(partition, members, states, catalog, settled_ms)
        else:
            writes = self._brought_up(members, states, catalog)
        if not await self._store.apply(partition, position, position, writes, walk):
            return False
        for write in writes:
            if self._cache.get(partition, write.member) is not None:
                self._cache.put(partition, write.member, write.state)
        self._ways[partition] = _Way(way.version, way.members, cursor, walked)
        if walk.finished:
            self._done[partition] = catalog.version
            del self._ways[partition]
        return True

    def _brought_up(self, members: Sequence[str], states: Sequence[UserState], catalog: Catalog) -> list[Write]:
        return [
            Write(member, state, refresh(state, catalog, self._zones.of(keys.space_of(member))))
            for member, state in zip(members, states, strict=True)
            if state.profile is not None and (state.membership is None or _is_old(state.membership, catalog))
        ]


def _is_old(membership: Membership, catalog: Catalog) -> bool:
    return membership.catalog_version != catalog.version or not membership.counted
