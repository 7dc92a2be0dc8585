"""What time makes of the counts, a piece at a time: stretches that come near are split, as are those that hold much,
those that are over are added up, and records that were taken back are thrown away.
"""

import asyncio
from collections.abc import Mapping
from itertools import accumulate

from services.segmentation.wheel import Stretch
from services.stream_worker import ledger
from services.stream_worker.store import UserStore

PARTITIONS_A_TURN = 8
STRETCHES_A_STEP = 32
RECORDS_A_STEP = 50_000
"""Netted at one go, as far as they are known; of one stretch there may be more."""


class Upkeep:
    def __init__(self, store: UserStore) -> None:
        self._store = store
        self._last = -1
        """The partition that was seen to last, so that each gets its turn."""

    def due(self, positions: Mapping[int, int]) -> list[int]:
        """Those of the open partitions whose counts want to be seen to."""
        return [partition for partition in positions if self._store.ledger(partition).is_due]

    def turn(self, positions: Mapping[int, int]) -> list[int]:
        """The partitions whose turn it is."""
        turn = sorted(self.due(positions), key=lambda partition: (partition <= self._last, partition))
        return turn[:PARTITIONS_A_TURN]

    async def step(self, partition: int, position: int) -> bool:
        """See to a partition, given its watermark; returns whether it was written."""
        self._last = partition
        return await self._store.rewrite(partition, position, await self._next(partition))

    async def _next(self, partition: int) -> ledger.Entry:
        store, known = self._store, self._store.ledger(partition)
        turned = known.turned()
        if turned is None:
            overgrown = some_of(known.overgrown)
            records = await asyncio.gather(*(store.moments_in(partition, stretch) for stretch in overgrown))
            return ledger.netted(known.wheel, dict(zip(overgrown, records, strict=True)))
        stretch, wheel = turned
        if stretch.end_ms <= wheel.over_ms:
            return ledger.over(stretch, wheel, await store.sizes_in(partition, stretch))
        return ledger.split(stretch, wheel, await store.moments_in(partition, stretch), known.now_ms)


def some_of(overgrown: Mapping[Stretch, int]) -> list[Stretch]:
    """As many as one step takes; the first one always."""
    up_to = accumulate(overgrown.values())
    some = [stretch for stretch, records in zip(overgrown, up_to, strict=True) if records <= RECORDS_A_STEP]
    return some[:STRETCHES_A_STEP] or list(overgrown)[:1]
