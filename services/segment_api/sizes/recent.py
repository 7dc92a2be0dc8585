"""What was read a moment ago, so that many who ask at once cost Redis no more than one."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

FRESH_MS = 1_000
_SHARE = 10
"""What takes long to read is read again only after so many times as long."""
_MAX_KEYS = 256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Read(NamedTuple, Generic[V]):
    value: V
    at_ms: int
    fresh_ms: float


class Recent(Generic[K, V]):
    """Values by key; each holds for the moment that it was read for, and for about a second from there."""

    def __init__(self) -> None:
        self._reads: OrderedDict[K, _Read[V]] = OrderedDict()
        self._reading = asyncio.Lock()

    async def get(self, key: K, at_ms: int, read: Callable[[], Awaitable[V]]) -> V:
        """Raises what `read` raises, and then keeps nothing."""
        async with self._reading:
            kept = self._reads.get(key)
            if kept is None or not kept.at_ms <= at_ms < kept.at_ms + kept.fresh_ms:
                kept = await _timed(at_ms, read)
                self._keep(key, kept)
            return kept.value

    def _keep(self, key: K, read: _Read[V]) -> None:
        self._reads[key] = read
        self._reads.move_to_end(key)
        if len(self._reads) > _MAX_KEYS:
            self._reads.popitem(last=False)


async def _timed(at_ms: int, read: Callable[[], Awaitable[V]]) -> _Read[V]:
    begun_s = time.monotonic()
    value = await read()
    return _Read(value, at_ms, max(FRESH_MS, _SHARE * 1000 * (time.monotonic() - begun_s)))
