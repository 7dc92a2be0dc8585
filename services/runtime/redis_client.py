"""The one place that opens connections to Redis: a single server, or a cluster behind the same calls.

`redis://`, `rediss://` and `unix://` name a single server; `redis+cluster://host:port` and `rediss+cluster://host:port`
any node of a cluster.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from services.runtime.errors import OperatorError

RedisClient = Redis | RedisCluster

REDIS_ERRORS = (RedisError, RedisClusterException, OSError)
"""What a client raises when Redis is away: of a cluster without any node, an error that is no RedisError."""

_CONNECTIONS = 64
# A cluster client raises where the pool of a single server waits, so its bound is out of reach of bounded callers.
_CLUSTER_CONNECTIONS = 1024


class BadRedisUrl(OperatorError):
    """The URL names no Redis; the message does not repeat it, since it may hold a password."""


def connect(url: str, *, timeout_s: float) -> RedisClient:
    """A client that never retries by itself: a retried command may run twice, and its caller knows better what to do.

    `timeout_s` bounds each connect, each reply and the wait for a free connection. Nothing is opened before first use.
    Raises BadRedisUrl.
    """
    try:
        return _cluster(url, timeout_s) if "+cluster://" in url else _single(url, timeout_s)
    except ValueError as error:
        raise BadRedisUrl(f"TRANCHE_REDIS_URL: {error}") from None


async def get_many(client: RedisClient, names: Sequence[str]) -> list[bytes | None]:
    """The values of keys in their order, wherever in a cluster they are. Raises REDIS_ERRORS."""
    if not names:
        return []
    if isinstance(client, Redis):
        return cast("list[bytes | None]", await client.mget(names))
    # A command per slot, no pipeline: redis-py looks for the nodes anew after a failed command, not after a pipeline.
    groups: dict[int, list[str]] = defaultdict(list)
    for name in names:
        groups[client.keyslot(name)].append(name)
    await client.initialize()  # once: many first commands at a time would each try, and break the others' connections
    rows = await asyncio.gather(*(client.mget(group) for group in groups.values()))
    values = dict(zip(chain(*groups.values()), chain(*rows), strict=True))
    return [cast("bytes | None", values[name]) for name in names]


def _single(url: str, timeout_s: float) -> Redis:
    options = _options(timeout_s)
    return Redis.from_pool(
        BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=timeout_s, **options)
    )


def _cluster(url: str, timeout_s: float) -> RedisCluster:
    url = url.replace("+cluster://", "://", 1)
    return RedisCluster.from_url(url, max_connections=_CLUSTER_CONNECTIONS, **_options(timeout_s))


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        # Introducing itself takes redis-py most of the time to connect, when all connections are made anew at once.
        "driver_info": None,
        # A service of some hosts, for which redis-py no longer looks whether a connection still holds an old reply.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
