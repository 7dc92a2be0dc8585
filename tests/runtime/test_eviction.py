"""A Redis that may throw watermarks away is refused at the start."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.runtime.eviction import KeysMayBeEvicted, refuse_eviction
from services.runtime.redis_client import RedisClient, connect

PLENTY = 10**9


@pytest.fixture
async def redis(each_redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(each_redis_url, timeout_s=5)
    await client.initialize()
    yield client
    await configure(client, 0, "noeviction")
    await client.aclose()


@pytest.mark.parametrize(
    ("maxmemory", "policy"), [(0, "allkeys-lru"), (PLENTY, "noeviction"), (PLENTY, "volatile-lru")]
)
async def test_what_keeps_watermarks_is_fine(redis: RedisClient, maxmemory: int, policy: str) -> None:
    await configure(redis, maxmemory, policy)
    await refuse_eviction(redis)


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_what_evicts_any_key_is_refused_and_told(redis: RedisClient, policy: str) -> None:
    await configure(redis, PLENTY, policy)
    with pytest.raises(KeysMayBeEvicted, match=f"{policy}.*set it to noeviction"):
        await refuse_eviction(redis)


async def test_who_may_not_ask_is_let_in(clean_redis_url: str) -> None:
    admin = Redis.from_url(clean_redis_url)
    await admin.acl_setuser("nosy", enabled=True, nopass=True, commands=["+@all", "-info"], keys=["*"])
    client = connect(f"{clean_redis_url}?username=nosy&password=any", timeout_s=5)
    try:
        assert await client.execute_command("ACL", "WHOAMI") == b"nosy"
        await refuse_eviction(client)
    finally:
        await client.aclose()
        await admin.acl_deluser("nosy")
        await admin.aclose()


async def configure(client: RedisClient, maxmemory: int, policy: str) -> None:
    """On one server; of a cluster, on one of its primaries only."""
    where = {} if isinstance(client, Redis) else {"target_nodes": client.get_primaries()[-1]}
    await client.config_set("maxmemory", maxmemory, "maxmemory-policy", policy, **where)
