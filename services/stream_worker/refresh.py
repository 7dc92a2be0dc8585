"""The background pass that brings stored memberships up to date after an edit of the catalog, a few users at a time.

The law: an edit of a definition has it begin anew. Where only models say something else, as they do again and again, it
goes on by the newer catalog, ends as of the version at which it began, and another follows: everybody is reached by and
by, however often models are published.
"""

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
"""After an edit. For models it is one, so that no record waits long for it."""


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
        pending = self.pending(catalog)
        return [each for each in pending if self._is_edited(each, catalog)][:PARTITIONS_A_TURN] or pending[:1]

    def is_urgent(self, catalog: Catalog) -> bool:
        """Whether there is more to see to than that models say something else: lookups are slow until it is done."""
        return any(self._is_edited(each, catalog) for each in self.pending(catalog))

    async def step(self, partition: int, catalog: Catalog, position: int) -> bool:
        """Refresh a bounded number of users, given the watermark; returns whether it was written.

        Raises UnreadableProfile; the users of its script are met again by the next walk.
        """
        settled_ms = self._telling.settled_ms(partition) if self._telling else None
        if self._telling and settled_ms is None:
            return True  # it was known a moment ago, and will be again
        way = self._ways.get(partition)
        if way is None or not _goes_on(way, catalog):
            way = _Way(catalog.version, await self._store.members(partition))
        cursor, members = await self._store.scan(partition, way.cursor, self._store.room)
        walked = way.walked + len(members)
        walk = Walk(way.version, walked, way.members, finished=cursor == 0, newest=catalog.version)
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
            del self._ways[partition], self._done[partition]
            self._done[partition] = way.version  # as the last of all: where another walk follows, the others come first
        return True

    def _is_edited(self, partition: int, catalog: Catalog) -> bool:
        version = self._done[partition]
        is_lost = max(version, self._store.newest(partition)) > catalog.version
        return is_lost or not version or bool(catalog.edited_since(version))

    def _brought_up(self, members: Sequence[str], states: Sequence[UserState], catalog: Catalog) -> list[Write]:
        return [
            Write(member, state, refresh(state, catalog, self._zones.of(keys.space_of(member))))
            for member, state in zip(members, states, strict=True)
            if state.profile is not None and (state.membership is None or _is_old(state.membership, catalog))
        ]


def _goes_on(way: _Way, catalog: Catalog) -> bool:
    """Whether what was walked is as of the walk's version, and what is still to come will be."""
    return way.version <= catalog.version and not catalog.edited_since(way.version)


def _is_old(membership: Membership, catalog: Catalog) -> bool:
    return membership.catalog_version != catalog.version or not membership.counted
