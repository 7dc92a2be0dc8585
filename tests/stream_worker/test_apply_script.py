"""The one script that writes users' state: all of a batch or nothing, and only from where the watermark is."""

from collections.abc import AsyncIterator, Sequence
from importlib.resources import files

import pytest

from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.wire import keys
from tests.stream_worker.states import redis_at

SCRIPT = files("services.stream_worker").joinpath("lua/apply.lua").read_text()
NAMES = [
    keys.watermark(7),
    keys.users(7),
    keys.profile(7, "default:a"),
    keys.membership(7, "default:a"),
    keys.profile(7, "default:b"),
    keys.membership(7, "default:b"),
]
WRITES: list[str | bytes | int] = [
    "default:a",
    10,
    b"profile a",
    b"membership a",
    "default:b",
    20,
    b"",
    b"membership b",
]


@pytest.fixture(params=["server", "cluster"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[RedisClient]:
    if request.param == "server":
        url = request.getfixturevalue("clean_redis_url")
    else:
        url = request.getfixturevalue("clean_redis_cluster_url").replace("redis://", "redis+cluster://")
    async with redis_at(url) as client:
        yield client


async def test_a_batch_is_written_whole_from_where_the_watermark_is(redis: RedisClient) -> None:
    await redis.set(NAMES[0], 5)
    await redis.set(NAMES[4], b"profile b")
    assert await apply(redis, 5, 9) == b"9"
    assert await stored(redis) == [b"9", b"profile a", b"membership a", b"profile b", b"membership b"]
    assert await redis.zrange(keys.users(7), 0, -1, withscores=True) == [(b"default:a", 10), (b"default:b", 20)]


@pytest.mark.parametrize("begin", [4, 6, 0])
async def test_nothing_is_written_when_the_watermark_is_elsewhere(redis: RedisClient, begin: int) -> None:
    await redis.set(NAMES[0], 5)
    assert await apply(redis, begin, 9) == b"5"
    assert await stored(redis) == [b"5", None, None, None, None]
    assert await redis.exists(keys.users(7)) == 0


async def test_a_partition_without_a_watermark_begins_at_nought(redis: RedisClient) -> None:
    assert await apply(redis, 1, 9) == b"0"
    assert await stored(redis) == [None] * 5
    assert await apply(redis, 0, 9) == b"9"
    assert (await stored(redis))[0] == b"9"


async def test_a_repeated_batch_changes_nothing(redis: RedisClient) -> None:
    await apply(redis, 0, 9)
    before = await stored(redis)
    assert await apply(redis, 0, 9, ["default:a", 11, b"other", b"other", "default:b", 21, b"other", b"other"]) == b"9"
    assert await stored(redis) == before


async def apply(redis: RedisClient, begin: int, end: int, writes: Sequence[str | bytes | int] = WRITES) -> bytes:
    answer = await redis.register_script(SCRIPT)(keys=NAMES, args=[begin, end, *writes])
    assert isinstance(answer, bytes)
    return answer


async def stored(redis: RedisClient) -> list[bytes | None]:
    return await get_many(redis, [NAMES[0], *NAMES[2:]])
