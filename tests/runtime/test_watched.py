"""A value in Redis that is followed: edits, outages, losses and what cannot be read."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.exceptions import RedisError

from services.local_stack.redis_server import RedisServer
from services.runtime.redis_client import RedisClient, connect
from services.runtime.watched import UnreadableValue, WatchedValue

INTERVAL_S = 0.02


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(clean_redis_url, timeout_s=2)
    yield client
    await client.aclose()


def watched(redis: RedisClient) -> WatchedValue[int]:
    return WatchedValue(redis, "value", int, -1, INTERVAL_S)


async def write(redis: RedisClient, version: int, document: str) -> None:
    await redis.hset("value", mapping={"version": version, "document": document})


async def becomes(value: WatchedValue[int], expected: int) -> None:
    async with asyncio.timeout(5):
        while True:
            if value.value == expected:
                return
            await asyncio.sleep(INTERVAL_S)


async def test_what_is_not_there_has_its_initial_value(redis: RedisClient) -> None:
    assert await watched(redis).refresh() == -1


async def test_a_refresh_sees_an_edit(redis: RedisClient) -> None:
    value = watched(redis)
    for version in (1, 2, 3):
        await write(redis, version, str(version * 10))
        assert (await value.refresh(), value.value) == (version * 10, version * 10)


async def test_the_same_version_is_not_decoded_again(redis: RedisClient) -> None:
    value = watched(redis)
    await write(redis, 1, "10")
    await value.refresh()
    await write(redis, 1, "11")
    assert await value.refresh() == 10


async def test_what_was_lost_has_its_initial_value_again(redis: RedisClient) -> None:
    value = watched(redis)
    await write(redis, 1, "10")
    await value.refresh()
    await redis.delete("value")
    assert await value.refresh() == -1


async def test_an_older_version_that_came_back_counts(redis: RedisClient) -> None:
    value = watched(redis)
    for version in (7, 3):
        await write(redis, version, str(version))
        assert await value.refresh() == version


async def test_what_cannot_be_read_is_told_and_leaves_the_last_value(redis: RedisClient) -> None:
    value = watched(redis)
    await write(redis, 1, "10")
    await value.refresh()
    await write(redis, 2, "secret-1")
    with pytest.raises(UnreadableValue, match="value") as raised:
        await value.refresh()
    assert "secret-1" not in str(raised.value)
    assert value.value == 10


async def test_following_survives_whatever_goes_wrong(redis: RedisClient, caplog: pytest.LogCaptureFixture) -> None:
    value = watched(redis)
    following = asyncio.create_task(value.follow())
    await write(redis, 1, "10")
    await becomes(value, 10)
    await write(redis, 2, "nonsense")
    await asyncio.sleep(10 * INTERVAL_S)
    await redis.delete("value")
    await becomes(value, -1)
    await redis.set("value", "not a hash")
    await asyncio.sleep(10 * INTERVAL_S)
    await redis.delete("value")
    await write(redis, 3, "30")
    await becomes(value, 30)
    await asyncio.sleep(2 * INTERVAL_S)
    following.cancel()
    await asyncio.wait({following})
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "value: cannot look now: UnreadableValue",
        "value: can look again",
        "value: cannot look now: ResponseError",
        "value: can look again",
    ]


async def test_following_goes_on_after_an_outage(server: RedisServer) -> None:
    redis = connect(server.url, timeout_s=2)
    value = watched(redis)
    await write(redis, 1, "10")
    following = asyncio.create_task(value.follow())
    await becomes(value, 10)
    server.stop()
    with pytest.raises(RedisError):
        await value.refresh()
    assert value.value == 10
    server.start()
    await write(redis, 2, "20")
    await becomes(value, 20)
    following.cancel()
    await asyncio.wait({following})
    await redis.aclose()


async def test_following_ends_when_it_is_cancelled_at_whatever_moment(redis: RedisClient) -> None:
    """redis-py swallows some cancellations; without looking for that, about one in ten went on for ever."""
    for round_ in range(60):
        following = asyncio.create_task(WatchedValue(redis, "value", int, -1, 0.001).follow())
        await asyncio.sleep(0.01 + round_ * 0.0003)
        following.cancel()
        ended, _ = await asyncio.wait({following}, timeout=2)
        assert ended


class Squares:
    """A document is a number, which refers to a place where its square is."""

    def missing(self, value: int) -> list[tuple[str, str]]:
        return [("squares", str(value))]

    def complete(self, value: int, found: Sequence[bytes | None]) -> int:
        return -value if found[0] is None else int(found[0])


async def test_what_a_document_refers_to_is_read_before_it_counts(redis: RedisClient) -> None:
    value = WatchedValue(redis, "value", int, -1, INTERVAL_S, Squares())
    await redis.hset("squares", mapping={"3": "9"})
    for version, expected in ((3, 9), (4, -4)):
        await write(redis, version, str(version))
        assert await value.refresh() == expected
