"""The background pass that brings stored memberships up to date after an edit of the catalog, a few users at a time."""

from collections.abc import Iterable, Mapping

from services.segmentation.catalog import Catalog
from services.segmentation.engine import refresh
from services.stream_worker.cache import StateCache
from services.stream_worker.store import UserStore, Write

USERS_A_STEP = 100
PARTITIONS_A_TURN = 4


class Refresher:
    """Walks the users of each open partition until all memberships have reached the catalog's version."""

    def __init__(self, store: UserStore, cache: StateCache) -> None:
        self._store, self._cache = store, cache
        self._done: dict[int, int] = {}
        """The version that each open partition has reached."""
        self._walks: dict[int, tuple[int, int]] = {}
        """Of each partition under way: the version aimed at, and the cursor of the walk."""

    def open(self, partition: int, reached: int) -> None:
        """Take a partition on whose memberships have reached the catalog version `reached`."""
        self._done[partition] = reached

    def close(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._done.pop(partition, None)
            self._walks.pop(partition, None)

    def pending(self, catalog: Catalog) -> list[int]:
        return [partition for partition, version in self._done.items() if version < catalog.version]

    async def some(self, catalog: Catalog, positions: Mapping[int, int]) -> list[int]:
        """Refresh a bounded number of users; returns the partitions whose write was refused.

        Raises UnreadableProfile; what it kept from being done is done by the next calls, its partition's turn last.
        """
        turn = self.pending(catalog)[:PARTITIONS_A_TURN]
        return [partition for partition in turn if not await self._step(partition, catalog, positions[partition])]

    async def _step(self, partition: int, catalog: Catalog, position: int) -> bool:
        version, cursor = self._walks.get(partition, (0, 0))
        if version != catalog.version:
            cursor = 0
        cursor, members = await self._store.scan(partition, cursor, USERS_A_STEP)
        if not await self._refresh(partition, members, catalog, position):
            return False
        self._walks[partition] = catalog.version, cursor
        if cursor == 0:
            await self._store.mark_refreshed(partition, catalog.version)
            self._done[partition] = catalog.version
            del self._walks[partition]
        return True

    async def _refresh(self, partition: int, members: list[str], catalog: Catalog, position: int) -> bool:
        states = await self._store.load(partition, members) if members else []
        writes = [
            Write(member, refresh(state, catalog), profile_changed=False)
            for member, state in zip(members, states, strict=True)
            if state.profile is not None
            and (state.membership is None or state.membership.catalog_version < catalog.version)
        ]
        if writes and not await self._store.apply(partition, position, position, writes):
            return False
        for write in writes:
            if self._cache.get(partition, write.member) is not None:
                self._cache.put(partition, write.member, write.state)
        return True
