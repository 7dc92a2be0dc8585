"""What the passing of time does to users of whom no record tells, told a few at a time. Those whom consumers know more
of than Redis come first, as soon as everything is applied again: what consumers then have wrong is put right."""

from math import inf

from services.segmentation.catalog import Catalog
from services.stream_worker.cache import StateCache
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Telling, written
from services.stream_worker.write import Write


class Due:
    def __init__(self, store: UserStore, cache: StateCache, telling: Telling) -> None:
        self._store, self._cache, self._telling = store, cache, telling

    def is_due(self, partition: int) -> bool:
        """Whether time may have something to tell in an open partition, and there is room for it."""
        until_ms = self._telling.settled_ms(partition)
        return until_ms is not None and self._store.book(partition).next_ms <= until_ms

    async def step(self, partition: int, catalog: Catalog, position: int) -> bool:
        """Tell of a bounded number of users, given the watermark; returns whether the write was accepted."""
        until_ms, room = self._telling.settled_ms(partition), self._store.room
        if until_ms is None:
            return True  # it was known a moment ago, and will be again
        soonest = await self._store.due(partition, room + 1)
        members = [member for member, moment in soonest[:room] if moment <= until_ms]
        later = [moment for _member, moment in soonest[len(members) :]]
        self._store.book(partition).next_ms = min(later, default=inf)
        if not any(moment == 0 for _member, moment in soonest):
            self._store.book(partition).ear.settled()
        writes = await self._told(partition, members, catalog, until_ms)
        if writes and not await self._store.apply(partition, position, position, writes):
            return False
        for write in writes:
            if self._cache.get(partition, write.member) is not None:
                self._cache.put(partition, write.member, write.state)
        return True

    async def _told(self, partition: int, members: list[str], catalog: Catalog, until_ms: int) -> list[Write]:
        states = await self._store.load(partition, members) if members else []
        told = await self._store.load_told(partition, members)
        writes = []
        for member, state, known in zip(members, states, told, strict=True):
            teller = self._telling.teller(partition, member, catalog, state, known)
            if known is None or state.membership is None or not self._telling.is_fair(known):
                teller.catch_up(until_ms)
            else:
                teller.time(until_ms)
            teller.settle(until_ms)
            writes.append(written(member, state, teller))
        return writes
