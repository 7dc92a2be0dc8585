"""Reads that trouble with one server of a cluster keeps from that server's keys alone.

redis-py looks for the nodes anew after each command that failed, and lets every other command wait meanwhile: with one
node gone most reads of the others would come too late. So a read goes straight to the node that holds the key, and the
nodes are looked for in the background.

Where there is a link to each node (`redis_links`), reads go over that; redis-py then only follows redirects.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import cast

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import AskError, MovedError, SlotNotCoveredError, TryAgainError

from services.runtime.redis_client import REDIS_ERRORS, RedisClient, Values, by_slot
from services.runtime.redis_link import Link
from services.runtime.redis_links import Links, Refused, Slots

LOOK_EVERY_S = 0.5


class DirectReads:
    """Of a single server as well, which is simply asked.

    With `link_timeout_s` over links of its own, to be closed, each of which owes no reply for longer than that.
    """

    def __init__(self, redis: RedisClient, link_timeout_s: float | None = None) -> None:
        self._redis = redis
        self._links = None if link_timeout_s is None else Links(redis, link_timeout_s, self._lost)
        self._slots = Slots()
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = 0.0

    async def connect(self) -> None:
        """Have the links stand. Raises REDIS_ERRORS."""
        if self._links is not None:
            await self._links.connect()

    async def close(self) -> None:
        if self._links is not None:
            await self._links.close()

    def link_to(self, name: bytes) -> Link | None:
        """To the server that holds a key; None without links, or where nobody is known to hold it."""
        return None if self._links is None else self._links.to(name)

    def server_of(self, name: str) -> str:
        """A name for the server that holds a key, as far as known."""
        if isinstance(self._redis, Redis):
            return ""
        nodes = self._redis.nodes_manager.slots_cache.get(self._slots.of(name.encode()))
        return str(nodes[0].name) if nodes else ""

    async def get(self, rows: Sequence[Sequence[str]]) -> list[Values]:
        """The values of each row's keys, which share a slot, as they are at one moment. Raises REDIS_ERRORS."""
        if self._links is None:
            return await self._by_redis_py(rows)
        found = await self._links.get([[name.encode() for name in names] for names in rows])
        refused = [names for names, row in zip(rows, found, strict=True) if isinstance(row, Refused)]
        others = iter(await self._by_redis_py(refused) if refused else [])
        return [next(others) if isinstance(row, Refused) else row for row in found]

    async def _by_redis_py(self, rows: Sequence[Sequence[str]]) -> list[Values]:
        """Each slot is read by one command."""
        values = iter(await self._values([name for names in rows for name in names]))
        return [list(islice(values, len(names))) for names in rows]

    async def _values(self, names: Sequence[str]) -> Values:
        if isinstance(self._redis, Redis):
            return cast("Values", await self._redis.mget(names))
        if not self._redis.nodes_manager.slots_cache:
            await self._redis.initialize()
        return await by_slot(self._redis, names, partial(self._of_slot, self._redis))

    async def _of_slot(self, cluster: RedisCluster, slot: int, names: Sequence[str]) -> Values:
        nodes = cluster.nodes_manager.slots_cache.get(slot)
        try:
            if not nodes:
                raise SlotNotCoveredError(f"no node holds slot {slot}")
            return cast("Values", await nodes[0].execute_command("MGET", *names))
        except (MovedError, AskError, TryAgainError):  # the node is there, and says where to go
            return cast("Values", await cluster.mget(names))
        except REDIS_ERRORS:
            self._look_again(cluster, nodes[0].name if nodes else None)
            raise

    def _lost(self, server: str) -> None:
        if isinstance(self._redis, RedisCluster):
            self._look_again(self._redis, server)

    def _look_again(self, cluster: RedisCluster, failed_name: str | None) -> None:
        now_s = time.monotonic()
        is_looking = self._looking is not None and not self._looking.done()
        if not is_looking and now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._looking = asyncio.create_task(_look(cluster, failed_name))


async def _look(cluster: RedisCluster, failed_name: str | None) -> None:
    with suppress(*REDIS_ERRORS):
        await cluster.nodes_manager.initialize(last_failed_node_name=failed_name)
