"""The one place that opens connections to Redis: a single server, or a cluster behind the same calls.

`redis://`, `rediss://` and `unix://` name a single server; `redis+cluster://host:port` and `rediss+cluster://host:port`
any node of a cluster, or some of them with commas between, so that one that is down keeps nobody from starting.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from services.runtime.errors import OperatorError
from services.runtime.redis_cluster import cluster_client
from services.runtime.redis_tls import BadTls, secure_cluster, secure_pool

RedisClient = Redis | RedisCluster
Values = list[bytes | None]

REDIS_ERRORS = (RedisError, RedisClusterException, OSError)
"""What a client raises when Redis is away: of a cluster without any node, an error that is no RedisError."""

_CONNECTIONS = 64
# A cluster client raises where the pool of a single server waits, so its bound is out of reach of bounded callers.
_CLUSTER_CONNECTIONS = 1024


_NO_REDIS = (
    "TRANCHE_REDIS_URL names no Redis: it is redis://, rediss:// or unix://, or redis+cluster:// or rediss+cluster://, "
    "and in a user or a password the characters / # ? @ and % have to be percent-encoded"
)


class BadRedisUrl(OperatorError):
    """The URL names no Redis; the message does not repeat it, since it may hold a password."""


def connect(url: str, *, timeout_s: float) -> RedisClient:
    """A client that never retries by itself: a retried command may run twice, and its caller knows better what to do.

    `timeout_s` bounds each connect, each reply and the wait for a free connection. Nothing is opened before first use.
    Raises BadRedisUrl.
    """
    try:
        _refuse_cut_password(url)
        return _cluster(url, timeout_s) if "+cluster://" in url else _single(url, timeout_s)
    except BadTls as error:
        raise BadRedisUrl(f"TRANCHE_REDIS_URL: {error}") from None
    except ValueError:  # its text may quote what was taken for a port or a host, and that may be of the password
        raise BadRedisUrl(_NO_REDIS) from None


async def get_many(client: RedisClient, names: Sequence[str]) -> Values:
    """The values of keys in their order, wherever in a cluster they are. Raises REDIS_ERRORS."""
    if not names:
        return []
    if isinstance(client, Redis):
        return cast("Values", await client.mget(names))
    await client.initialize()  # once: many first commands at a time would each try, and break the others' connections
    return await by_slot(client, names, lambda _, group: cast("Awaitable[Values]", client.mget(group)))


async def by_slot(
    cluster: RedisCluster, names: Sequence[str], read: Callable[[int, Sequence[str]], Awaitable[Values]]
) -> Values:
    """The values of keys in their order, where `read` tells those of one slot. Raises what `read` raises.

    A command per slot, no pipeline: redis-py looks for the nodes anew after a failed command, not after a pipeline.
    """
    groups: dict[int, list[str]] = defaultdict(list)
    for name in names:
        groups[cluster.keyslot(name)].append(name)
    rows = await asyncio.gather(*(read(slot, group) for slot, group in groups.items()))
    values = dict(zip(chain(*groups.values()), chain(*rows), strict=True))
    return [values[name] for name in names]


def _refuse_cut_password(url: str) -> None:
    """A / # or ? ends the part that holds the password; so what is left of it may pass for a host and a port."""
    parts = urlsplit(url)
    if parts.fragment or (parts.scheme != "unix" and "@" in parts.path + parts.query):
        raise ValueError


def _single(url: str, timeout_s: float) -> Redis:
    options = _options(timeout_s)
    pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=timeout_s, **options)
    secure_pool(pool)
    return Redis.from_pool(pool)


def _cluster(url: str, timeout_s: float) -> RedisCluster:
    url = url.replace("+cluster://", "://", 1)
    client = cluster_client(url, max_connections=_CLUSTER_CONNECTIONS, **_options(timeout_s))
    secure_cluster(client)
    return client


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
