"""A link gives a server its whole time for each reply, however long ago it was heard of last."""

import asyncio
from typing import cast

from redis.asyncio import Redis

from services.runtime.redis_client import connect
from services.runtime.redis_link import Link

TIMEOUT_S = 1.0


class Reading:
    def __init__(self) -> None:
        self.found: asyncio.Future[bytes | str | None] = asyncio.get_running_loop().create_future()

    def told(self, value: bytes | None) -> None:
        self.found.set_result(value)

    def refused(self, error: str) -> None:
        self.found.set_result(error)

    def missed(self) -> None:
        self.found.set_result("missed")


async def test_a_read_after_a_silence_in_which_nothing_was_owed_has_all_of_its_time(clean_redis_url: str) -> None:
    redis, lost = cast("Redis", connect(clean_redis_url, timeout_s=2)), list[str]()
    await redis.set("a", "1")
    link = Link(redis.connection_pool.make_connection, TIMEOUT_S, lambda: lost.append("lost"))

    async def read() -> bytes | str | None:
        reading = Reading()
        link.ask(b"a", reading)
        link.flush()
        return await reading.found

    assert await read() == b"1"
    await asyncio.sleep(TIMEOUT_S * 0.75)  # the timer that looks for silence is under way since the first
    await redis.client_pause(int(TIMEOUT_S * 1000 * 0.6))
    assert await read() == b"1"
    assert lost == []
    await link.close()
    await redis.aclose()
