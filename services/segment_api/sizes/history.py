"""How the sizes of segments were: a sample every few minutes, taken by one of the processes, kept for a month."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import cast

import msgpack

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient
from services.segment_api.sizes.sizes import SegmentSizes, Size
from services.segmentation.catalog import Catalog
from services.segmentation.wire import keys

EVERY_MS = 5 * 60 * 1000
KEPT_SAMPLES = 30 * 24 * 12
"""Those of thirty days."""
KEPT_DAY = 24 * 12
KEPT_BYTES = 16 * 1024 * 1024
"""Of one space; where thirty days would take more, fewer are kept, but never less than a day."""
MAX_SPACES = 100
"""The spaces of which samples are kept: the largest ones. Anybody may invent more of them."""
LOOK_S = 5.0
_PAGE = 200

_log = logging.getLogger(__name__)


class SizeHistory:
    """All calls raise REDIS_ERRORS."""

    def __init__(self, redis: RedisClient, sizes: SegmentSizes, catalog: Callable[[], Catalog], now_ms: Clock) -> None:
        self._redis, self._sizes, self._catalog, self._now_ms = redis, sizes, catalog, now_ms

    async def history(self, ordinal: int, space: str, since_ms: int) -> list[Size]:
        """The samples of a segment from `since_ms` on, the oldest first; there are none from before it was made."""
        found: list[Size] = []
        begin = str(since_ms)
        while page := await self._page(space, begin):
            for name, fields in page:
                sizes = msgpack.unpackb(fields[b"sizes"], strict_map_key=False)
                if ordinal in sizes:
                    found.append({"at": int(name.partition(b"-")[0]), "size": sizes[ordinal]})
            begin = f"({page[-1][0].decode()}"
        return found

    async def keep(self, look_s: float = LOOK_S) -> None:
        """Take the samples, until cancelled. A failure is logged when it begins and when it is over."""
        failing: str | None = None
        task = asyncio.current_task()
        assert task is not None
        while True:
            outcome = await self._try()
            if task.cancelling():  # redis-py sometimes swallows the cancellation itself
                return
            if outcome != failing:
                _log.warning("the history of sizes: %s", f"no sample now: {outcome}" if outcome else "goes on")
            failing = outcome
            await asyncio.sleep(look_s)

    async def sample(self) -> bool:
        """Take a sample, unless one was taken lately; returns whether it did."""
        if not await self._redis.set(keys.HISTORY_TURN, "taken", nx=True, px=EVERY_MS):
            return False
        at_ms = self._now_ms()
        sizes = await self._sizes.in_spaces(at_ms)
        counted = [each.ordinal for each in self._catalog().segments.values() if not self._asks(each.id)]
        for space in _largest(sizes):
            await self._append(space, at_ms, {ordinal: sizes[space].get(ordinal, 0) for ordinal in counted})
        return True

    async def _try(self) -> str | None:
        """The name of what went wrong. Anything may: the end of the sampling would go unnoticed."""
        try:
            await self.sample()
        except Exception as error:
            return type(error).__name__
        return None

    def _asks(self, segment_id: str) -> bool:
        return self._catalog().ready[segment_id].asks

    async def _append(self, space: str, at_ms: int, sizes: Mapping[int, int]) -> None:
        packed = msgpack.packb(sizes)
        kept = max(KEPT_DAY, min(KEPT_SAMPLES, KEPT_BYTES // len(packed)))
        await self._redis.xadd(keys.size_history(space), {"sizes": packed}, id=f"{at_ms}-0", maxlen=kept)

    async def _page(self, space: str, begin: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found = await self._redis.xrange(keys.size_history(space), begin, "+", _PAGE)
        return cast("list[tuple[bytes, dict[bytes, bytes]]]", found)


def _largest(sizes: Mapping[str, Mapping[int, int]]) -> list[str]:
    return sorted(sizes, key=lambda space: sum(sizes[space].values()), reverse=True)[:MAX_SPACES]
