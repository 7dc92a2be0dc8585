"""A Redis that may evict any key could throw watermarks away, and all that is stored would be applied again."""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from services.runtime.errors import OperatorError
from services.runtime.redis_client import RedisClient


class KeysMayBeEvicted(OperatorError):
    """Redis drops keys of its own choice when it is full."""


async def refuse_eviction(redis: RedisClient) -> None:
    """Raises KeysMayBeEvicted, REDIS_ERRORS. Where this user may not ask for it, nothing is known and nothing refused.

    Other policies are fine: `noeviction` refuses writes when Redis is full, and `volatile-…` drops only keys that
    expire, which none of ours does that matters.
    """
    try:
        answers = await _memory(redis)
    except NoPermissionError:
        return
    for memory in answers:
        policy = str(memory["maxmemory_policy"])
        if int(memory["maxmemory"]) > 0 and policy.startswith("allkeys-"):
            raise KeysMayBeEvicted(
                f"Redis at TRANCHE_REDIS_URL has maxmemory-policy {policy}: when it is full it would drop users and "
                "watermarks; set it to noeviction"
            )


async def _memory(redis: RedisClient) -> list[dict[str, Any]]:
    """What each primary says."""
    if isinstance(redis, Redis):
        return [await redis.info("memory")]
    found = await redis.info("memory", target_nodes=redis.PRIMARIES)
    return list(found.values()) if "maxmemory" not in found else [found]
