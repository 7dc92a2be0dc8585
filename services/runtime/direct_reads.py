"""Reads that trouble with one server of a cluster keeps from that server's keys alone.

redis-py looks for the nodes anew after each command that failed, and lets every other command wait meanwhile: with one
node gone most reads of the others would come too late. So a read goes straight to the node that holds the key, and the
nodes are looked for in the background.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import cast

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import AskError, MovedError, SlotNotCoveredError, TryAgainError

from services.runtime.redis_client import REDIS_ERRORS, RedisClient, Values, by_slot

LOOK_EVERY_S = 0.5


class DirectReads:
    """Of a single server as well, which is simply asked."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = 0.0

    def server_of(self, name: str) -> str:
        """A name for the server that holds a key, as far as known."""
        if isinstance(self._redis, Redis):
            return ""
        nodes = self._redis.nodes_manager.slots_cache.get(self._redis.keyslot(name))
        return str(nodes[0].name) if nodes else ""

    async def get(self, names: Sequence[str]) -> Values:
        """The values of keys in their order. Raises REDIS_ERRORS."""
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
            self._look_again(cluster, nodes)
            raise

    def _look_again(self, cluster: RedisCluster, failed: Sequence[ClusterNode] | None) -> None:
        now_s = time.monotonic()
        is_looking = self._looking is not None and not self._looking.done()
        if not is_looking and now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._looking = asyncio.create_task(_look(cluster, failed[0].name if failed else None))


async def _look(cluster: RedisCluster, failed_name: str | None) -> None:
    with suppress(*REDIS_ERRORS):
        await cluster.nodes_manager.initialize(last_failed_node_name=failed_name)
