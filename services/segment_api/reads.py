"""Reads from Redis that are answered in time or not at all. The hot path's only way to Redis."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, Values

IN_VAIN = 3
"""After so many reads in a row that brought nothing in time, a server is taken to be silent."""
PROBE_EVERY_S = 0.05
"""So often a silent server is asked whether it is back; who comes between does not wait for it."""


class BoundedReads:
    """Reads with a deadline, and a bound on how many may wait for one server at once.

    A read past its deadline is left to end by itself: cancelling it would close its connection, and opening new
    ones is what a Redis that has just come back can least bear. `unexpected` is told of errors that are not Redis
    being away.
    """

    def __init__(self, redis: RedisClient, max_in_flight: int, unexpected: Callable[[Exception], None]) -> None:
        self._reads = DirectReads(redis)
        self._unexpected = unexpected
        self._servers: dict[str, _Server] = defaultdict(lambda: _Server(max_in_flight))

    @property
    def in_flight(self) -> int:
        return sum(len(server.waiting) for server in self._servers.values())

    def server_of(self, name: str) -> str:
        return self._reads.server_of(name)

    async def get(self, names: Sequence[str], by_s: float) -> Values | None:
        """The values of keys in their order; None when they did not come by the moment `by_s` of time.monotonic()."""
        now_s, server = time.monotonic(), self._servers[self.server_of(names[0]) if names else ""]
        if now_s >= by_s or not server.may_be_asked(now_s):
            return None
        read = asyncio.create_task(self._read(names))
        server.ask(read, now_s)
        done, _ = await asyncio.wait({read}, timeout=by_s - now_s)
        values = read.result() if done else None
        if values is None:
            server.in_vain += 1
        return values

    async def _read(self, names: Sequence[str]) -> Values | None:
        try:
            return await self._reads.get(names) if names else []
        except REDIS_ERRORS:
            return None
        except Exception as error:  # it must not reach whoever looked up, nor end in a task that nobody awaits
            self._unexpected(error)
            return None


class _Server:
    """What is known of one server from the reads that were sent to it."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self.waiting: set[asyncio.Task[Values | None]] = set()
        self.in_vain = 0
        self._asked_s = 0.0

    def may_be_asked(self, now_s: float) -> bool:
        is_silent = self.in_vain >= IN_VAIN and now_s - self._asked_s < PROBE_EVERY_S
        return len(self.waiting) < self._max_waiting and not is_silent

    def ask(self, read: asyncio.Task[Values | None], now_s: float) -> None:
        self._asked_s = now_s
        self.waiting.add(read)
        read.add_done_callback(self._end)

    def _end(self, read: asyncio.Task[Values | None]) -> None:
        """An answer is an answer, however late: this process may have been what was slow."""
        self.waiting.discard(read)
        if not read.cancelled() and read.result() is not None:
            self.in_vain = 0
