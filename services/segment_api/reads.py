"""Reads from Redis that are answered in time or not at all. The hot path's only way to Redis."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import REDIS_ERRORS, RedisClient, Values
from services.runtime.redis_link import Link

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

    def __init__(
        self,
        redis: RedisClient,
        max_in_flight: int,
        unexpected: Callable[[Exception], None],
        link_timeout_s: float | None = None,
    ) -> None:
        self._reads = DirectReads(redis, link_timeout_s)
        self._unexpected = unexpected
        self._servers: dict[str, Server] = defaultdict(lambda: Server(max_in_flight))
        self._ways: dict[Link, Way] = {}

    @property
    def in_flight(self) -> int:
        return sum(server.waiting for server in self._servers.values())

    async def connect(self) -> None:
        """Have the connections stand over which is read. Raises REDIS_ERRORS."""
        await self._reads.connect()

    async def close(self) -> None:
        await self._reads.close()

    def way_to(self, name: bytes) -> "Way | None":
        """How to read a key without waiting for it; None where nobody is known to hold it.

        Whoever goes this way keeps to the server's bound, and to deadlines of their own.
        """
        link = self._reads.link_to(name)
        if link is None:
            return None
        if link not in self._ways:
            self._ways[link] = Way(link, self._servers[self._reads.server_of(name.decode())])
        return self._ways[link]

    def server_of(self, name: str) -> str:
        return self._reads.server_of(name)

    async def get(self, rows: Sequence[Sequence[str]], by_s: float) -> list[Values] | None:
        """The values of each row's keys, as they are at one moment; all rows are of one server, each of one slot.

        None when they did not come by the moment `by_s` of time.monotonic().
        """
        now_s, server = time.monotonic(), self._servers[self.server_of(rows[0][0]) if rows else ""]
        if now_s >= by_s or not server.may_be_asked(now_s):
            return None
        server.begin(now_s)
        read = asyncio.create_task(self._read(rows))
        read.add_done_callback(lambda read: server.end(was_heard=not read.cancelled() and read.result() is not None))
        done, _ = await asyncio.wait({read}, timeout=by_s - now_s)
        found = read.result() if done else None
        if found is None:
            server.in_vain += 1
        return found

    async def _read(self, rows: Sequence[Sequence[str]]) -> list[Values] | None:
        try:
            return await self._reads.get(rows) if rows else []
        except REDIS_ERRORS:
            return None
        except Exception as error:  # it must not reach whoever looked up, nor end in a task that nobody awaits
            self._unexpected(error)
            return None


class Server:
    """What is known of one server from the reads that were sent to it."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self.waiting = 0
        self.in_vain = 0
        self._asked_s = 0.0

    def may_be_asked(self, now_s: float) -> bool:
        is_silent = self.in_vain >= IN_VAIN and now_s - self._asked_s < PROBE_EVERY_S
        return self.waiting < self._max_waiting and not is_silent

    def begin(self, now_s: float) -> None:
        self._asked_s = now_s
        self.waiting += 1

    def end(self, *, was_heard: bool) -> None:
        """An answer is an answer, however late: this process may have been what was slow."""
        self.waiting -= 1
        if was_heard:
            self.in_vain = 0


class Way(NamedTuple):
    link: Link
    server: Server
