"""Reads from Redis that are answered in time or not at all. The hot path's only way to Redis."""

import asyncio
import time
from collections.abc import Callable, Sequence

from services.runtime.redis_client import REDIS_ERRORS, RedisClient, get_many


class BoundedReads:
    """Reads with a deadline, and a bound on how many may wait at once.

    A read past its deadline is left to end by itself: cancelling it would close its connection, and opening new
    ones is what a Redis that has just come back can least bear. `unexpected` is told of errors that are not Redis
    being away.
    """

    def __init__(self, redis: RedisClient, max_in_flight: int, unexpected: Callable[[Exception], None]) -> None:
        self._redis = redis
        self._max_in_flight = max_in_flight
        self._unexpected = unexpected
        self._in_flight: set[asyncio.Task[list[bytes | None] | None]] = set()

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    async def get(self, names: Sequence[str], by_s: float) -> list[bytes | None] | None:
        """The values of keys in their order; None when they did not come by the moment `by_s` of time.monotonic()."""
        if self.in_flight >= self._max_in_flight:
            return None
        read = asyncio.create_task(self._read(names))
        self._in_flight.add(read)
        read.add_done_callback(self._in_flight.discard)
        done, _ = await asyncio.wait({read}, timeout=max(0.0, by_s - time.monotonic()))
        return read.result() if done else None

    async def _read(self, names: Sequence[str]) -> list[bytes | None] | None:
        try:
            return await get_many(self._redis, names)
        except REDIS_ERRORS:
            return None
        except Exception as error:  # it must not reach whoever looked up, nor end in a task that nobody awaits
            self._unexpected(error)
            return None
