"""The one script that writes a partition: all of a batch or nothing, and only from where its owner believes it is."""

from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from typing import Any

import msgpack
import pytest

from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.wheel import HOUR_MS, Stretch
from services.segmentation.wire import keys
from tests.stream_worker.states import redis_at

SCRIPT = files("services.stream_worker").joinpath("lua/apply.lua").read_text()
FIRST, SECOND = Stretch(0, HOUR_MS), Stretch(HOUR_MS, HOUR_MS)
PARTITION = [
    keys.watermark(7),
    keys.turn(7),
    keys.users(7),
    keys.spaces(7),
    keys.sizes(7),
    keys.refreshed(7),
    keys.refreshing(7),
]
USERS = [
    keys.profile(7, "default:a"),
    keys.membership(7, "default:a"),
    keys.profile(7, "default:b"),
    keys.membership(7, "default:b"),
]
STRETCHES = [
    keys.sizes_in(7, FIRST),
    keys.moments_in(7, FIRST),
    keys.sizes_in(7, SECOND),
    keys.moments_in(7, SECOND),
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
COUNTS = [["default"], [5, 2], [[False, False, [5, -1], b"12345678"], [False, False, [], b""]]]


@pytest.fixture
async def redis(each_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(each_redis_url) as client:
        yield client


async def test_a_batch_is_written_whole_from_where_the_watermark_is(redis: RedisClient) -> None:
    await redis.set(keys.watermark(7), 5)
    await redis.set(USERS[2], b"profile b")
    assert await apply(redis, 5, 9)
    assert await stored(redis) == [b"9", b"t1", b"profile a", b"membership a", b"profile b", b"membership b"]
    assert await redis.zrange(keys.users(7), 0, -1, withscores=True) == [(b"default:a", 10), (b"default:b", 20)]
    assert await counted(redis) == [[b"default"], {b"5": b"2"}, {b"5": b"-1"}, [b"12345678"], {}, []]


@pytest.mark.parametrize("begin", [4, 6, 0])
async def test_nothing_is_written_when_the_watermark_is_elsewhere(redis: RedisClient, begin: int) -> None:
    await redis.set(keys.watermark(7), 5)
    assert not await apply(redis, begin, 9)
    assert await names(redis) == [keys.watermark(7).encode()]


@pytest.mark.parametrize("turn", ["", "t0", "t2"])
async def test_nothing_is_written_after_a_turn_that_is_not_known_of(redis: RedisClient, turn: str) -> None:
    await redis.set(keys.turn(7), "t1")
    assert not await apply(redis, 0, 0, turns=(turn, "t3"))
    assert await names(redis) == [keys.turn(7).encode()]


async def test_a_partition_without_a_watermark_begins_at_nought(redis: RedisClient) -> None:
    assert not await apply(redis, 1, 9)
    assert await names(redis) == []
    assert await apply(redis, 0, 9)
    assert (await stored(redis))[0] == b"9"


async def test_a_repeated_batch_changes_nothing(redis: RedisClient) -> None:
    await apply(redis, 0, 9)
    before = await stored(redis), await counted(redis)
    other: list[str | bytes | int] = ["default:a", 11, b"other", b"other", "default:b", 21, b"other", b"other"]
    assert not await apply(redis, 0, 9, writes=other)
    assert (await stored(redis), await counted(redis)) == before


async def test_what_comes_to_nothing_is_not_kept(redis: RedisClient) -> None:
    await apply(redis, 0, 9)
    assert await apply(redis, 9, 9, [], [[], [5, -2, 6, 1], [[False, False, [5, 1], b""]]], turns=("t1", "t2"))
    assert (await counted(redis))[1:3] == [{b"6": b"1"}, {}]


async def test_what_was_kept_of_a_stretch_is_forgotten_before_anything_is_added(redis: RedisClient) -> None:
    await apply(redis, 0, 9)
    edits = [[True, True, [], b""], [False, False, [7, 1], b"abcdefgh"]]
    assert await apply(redis, 9, 9, [], [[], [], edits], turns=("t1", "t2"))
    assert (await counted(redis))[2:] == [{}, [], {b"7": b"1"}, [b"abcdefgh"]]
    assert await apply(
        redis, 9, 9, [], [[], [], [[False, False, [], b""], [False, True, [], b"x"]]], turns=("t2", "t3")
    )
    assert (await counted(redis))[4:] == [{b"7": b"1"}, [b"x"]]


async def test_the_pass_tells_how_far_it_is(redis: RedisClient) -> None:
    await redis.set(keys.refreshed(7), 3)
    assert await apply(redis, 0, 9)
    assert await progress(redis) == [None, None], "what was refreshed before there were counts is to be walked again"
    assert await apply(redis, 9, 9, [], [[], [], []], turns=("t1", "t2"), walk=("", "4 10 20"))
    assert await progress(redis) == [None, b"4 10 20"]
    assert await apply(redis, 9, 9, [], [[], [], []], turns=("t2", "t3"), walk=(4, ""))
    assert await progress(redis) == [b"4", None]
    assert await apply(redis, 9, 9, [], [[], [], []], turns=("t3", "t4"))
    assert await progress(redis) == [b"4", None]


async def apply(
    redis: RedisClient,
    begin: int,
    end: int,
    writes: Sequence[str | bytes | int] = WRITES,
    counts: Sequence[Any] = COUNTS,
    turns: tuple[str, str] = ("", "t1"),
    walk: tuple[str | int, str] = ("", ""),
) -> bool:
    names = [*PARTITION, *(USERS if writes else []), *STRETCHES]
    args = [begin, end, *turns, msgpack.packb(counts, use_bin_type=False), *walk, *writes]
    return bool(await redis.register_script(SCRIPT)(keys=names, args=args))


async def stored(redis: RedisClient) -> list[bytes | None]:
    return await get_many(redis, [*PARTITION[:2], *USERS])


async def counted(redis: RedisClient) -> list[Any]:
    return [
        await redis.lrange(keys.spaces(7), 0, -1),
        await redis.hgetall(keys.sizes(7)),
        await redis.hgetall(STRETCHES[0]),
        await redis.lrange(STRETCHES[1], 0, -1),
        await redis.hgetall(STRETCHES[2]),
        await redis.lrange(STRETCHES[3], 0, -1),
    ]


async def names(redis: RedisClient) -> list[bytes]:
    return [name async for name in redis.scan_iter("{p07}*")]


async def progress(redis: RedisClient) -> list[bytes | None]:
    return await get_many(redis, PARTITION[5:])
