"""The embedded log gets rid of what is applied, also when Redis was away at the moment to do so."""

from services.local_stack.redis_server import RedisServer
from services.runtime.event_log.embedded import EmbeddedReader, EmbeddedWriter, log_key
from services.runtime.event_log.port import Message
from services.runtime.redis_client import connect


async def test_a_trim_that_failed_is_made_up_for_at_the_next_chance(server: RedisServer) -> None:
    redis = connect(server.url, timeout_s=2)
    await EmbeddedWriter(redis).append([Message(0, b"u", b"{}")] * 1_500)
    reader = EmbeddedReader(redis, [0])
    server.stop()
    await reader.applied(0, 1_000)
    server.start()
    assert await redis.xlen(log_key(0)) == 1_500
    await reader.applied(0, 1_001)
    assert 499 <= await redis.xlen(log_key(0)) < 700
    await reader.close()
