"""Sizes as the API reads them: now, later on, and as they were; and how far the background pass is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.runtime.redis_client import REDIS_ERRORS, RedisClient, connect
from services.segment_api.sizes.history import EVERY_MS, SizeHistory
from services.segment_api.sizes.progress import Progress
from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.catalog import Catalog
from services.segmentation.events import Event
from services.segmentation.membership import Membership
from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS
from services.segmentation.wire import keys
from services.stream_worker.store import MAX_USERS
from tests.stream_worker.owner import Owner, count, stored_memberships
from tests.stream_worker.states import Clock, catalog_of, redis_at
from tests.support.ports import free_ports
from tests.support.seeds import random_of_this_run
from tests.support.servers import redis_server

PARTITIONS = 3
NOW_MS = 1_732_190_400_000 + 5 * HOUR_MS + 7 * MINUTE_MS + 12_345
CATALOG = catalog_of(
    "count('view', within='20m') >= 1",
    "since('view') > '2d'",
    "count('view', within='today') >= 1",
    "count('view', within='9d') >= 1",
    "count('buy') >= 1",
)
ORDINALS = range(5)


@pytest.fixture
async def redis(each_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(each_redis_url) as client:
        yield client


@pytest.fixture
async def one_redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(clean_redis_url) as client:
        yield client


async def test_nobody_is_in_any_segment_before_anything_has_happened(redis: RedisClient) -> None:
    sizes = SegmentSizes(redis, PARTITIONS)
    assert await sizes.now("default", NOW_MS) == {}
    forecast = await sizes.forecast(0, "default", NOW_MS)
    assert {point["size"] for point in forecast} == {0}


async def test_the_partitions_of_all_spaces_are_summed(redis: RedisClient) -> None:
    await visited(redis, random_of_this_run(), NOW_MS)
    sizes = SegmentSizes(redis, PARTITIONS)
    for at_ms in (NOW_MS, NOW_MS + 9 * MINUTE_MS, NOW_MS + 3 * HOUR_MS, NOW_MS + 5 * DAY_MS):
        expected = await counted(redis, at_ms)
        assert expected
        for space in ("default", "shop", "nowhere"):
            assert await sizes.now(space, at_ms) == expected.get(space, {})


async def test_a_forecast_tells_each_next_hour_and_then_each_day(redis: RedisClient) -> None:
    await visited(redis, random_of_this_run(), NOW_MS)
    sizes = SegmentSizes(redis, PARTITIONS)
    hours_ms = [(NOW_MS // HOUR_MS + number) * HOUR_MS for number in range(1, 25)]
    days_ms = [(NOW_MS // DAY_MS + number) * DAY_MS for number in range(2, 31)]
    memberships = await everybody(redis)
    users = {at_ms: count(memberships, at_ms) for at_ms in (*hours_ms, *days_ms)}
    for space in ("default", "shop"):
        for ordinal in ORDINALS:
            found = await sizes.forecast(ordinal, space, NOW_MS)
            assert [point["at"] for point in found] == [*hours_ms, *days_ms]
            assert {each["at"]: each["size"] for each in found} == {
                at_ms: users[at_ms].get(space, {}).get(ordinal, 0) for at_ms in users
            }


async def test_it_stays_right_while_the_counts_are_kept_in_other_ways(one_redis: RedisClient) -> None:
    [owner, *_] = await visited(one_redis, random_of_this_run(), NOW_MS)
    sizes, memberships = SegmentSizes(one_redis, PARTITIONS), await everybody(one_redis)
    for now_ms in range(NOW_MS, NOW_MS + 3 * DAY_MS, 7 * HOUR_MS):
        assert await owner.upkeep(now_ms)
        assert await sizes.now("default", now_ms) == count(memberships, now_ms)["default"]


@pytest.mark.parametrize("behind_ms", [1, 300, 30_000, 2 * MINUTE_MS, 3 * HOUR_MS])
async def test_whoever_asks_for_a_moment_before_the_last_write_is_told_of_that(
    one_redis: RedisClient, behind_ms: int
) -> None:
    owner = Owner(one_redis, 0)
    await owner.open(NOW_MS - 150_000)
    begun_ms = NOW_MS - 20 * MINUTE_MS - 140_000
    events = [Event("e", f"u-{number}", "view", begun_ms + number * 3_500) for number in range(60)]
    assert await owner.apply(events, CATALOG)  # who leave the first segment one after the other until now, and later
    sizes = SegmentSizes(one_redis, 1)
    assert await sizes.now("default", owner.now_ms) == (await counted(one_redis, owner.now_ms))["default"]
    owner.now_ms = NOW_MS
    assert await owner.apply([Event("e", "another", "buy", NOW_MS)], CATALOG)
    found = await sizes.now("default", NOW_MS - behind_ms)
    assert found == (await counted(one_redis, NOW_MS))["default"]


async def test_hours_that_a_resting_partition_cannot_tell_are_left_out_and_nothing_is_wrong(
    one_redis: RedisClient,
) -> None:
    [owner, *_] = await visited(one_redis, random_of_this_run(), NOW_MS)
    now_ms = NOW_MS + 2 * DAY_MS
    assert await owner.upkeep(now_ms)
    found = await SegmentSizes(one_redis, PARTITIONS).forecast(3, "default", now_ms)
    assert [point["at"] % DAY_MS for point in found] == [0] * 30
    memberships = await everybody(one_redis)
    for point in found:
        assert point["size"] == count(memberships, point["at"]).get("default", {}).get(3, 0)


async def test_whoever_asks_again_within_a_second_asks_redis_nothing(one_redis: RedisClient) -> None:
    [owner, *_] = await visited(one_redis, random_of_this_run(), NOW_MS)
    sizes = SegmentSizes(one_redis, PARTITIONS)
    before = await sizes.now("default", NOW_MS), await sizes.forecast(4, "default", NOW_MS)
    assert await owner.apply([Event("new", "new", "buy", NOW_MS)], CATALOG)
    await one_redis.config_resetstat()
    assert (await sizes.now("default", NOW_MS + 999), await sizes.forecast(4, "default", NOW_MS + 999)) == before
    assert "cmdstat_evalsha" not in await one_redis.info("commandstats")
    assert (await sizes.now("default", NOW_MS + 1_000))[4] == before[0].get(4, 0) + 1
    assert (await sizes.forecast(4, "default", NOW_MS + 1_000))[0]["size"] == before[1][0]["size"] + 1


async def test_many_who_ask_at_once_cost_no_more_than_one(one_redis: RedisClient) -> None:
    await visited(one_redis, random_of_this_run(), NOW_MS)
    sizes = SegmentSizes(one_redis, PARTITIONS)
    await sizes.now("default", NOW_MS)
    await one_redis.config_resetstat()
    await asyncio.gather(*(sizes.now("default", NOW_MS + 2_000) for _ in range(20)))
    stats: dict[str, Any] = await one_redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == PARTITIONS


async def test_without_redis_it_says_so() -> None:
    [port] = free_ports(0)
    redis = connect(f"redis://127.0.0.1:{port}", timeout_s=1)
    sizes, progress = SegmentSizes(redis, PARTITIONS), Progress(redis, PARTITIONS, lambda: NOW_MS)
    for call in (sizes.now("default", NOW_MS), sizes.forecast(0, "default", NOW_MS), progress.of(1)):
        with pytest.raises(REDIS_ERRORS):
            await call
    await redis.aclose()


async def test_the_history_is_what_the_sizes_were(redis: RedisClient) -> None:
    [owner, *_] = await visited(redis, random_of_this_run(), NOW_MS)
    clock = Clock(NOW_MS)
    history = history_of(redis, clock)
    expected = []
    for number in range(3):
        assert await owner.apply([Event(f"e-{number}", f"new-{number}", "buy", clock.now_ms)], CATALOG)
        assert await history.sample()
        expected.append({"at": clock.now_ms, "size": (await counted(redis, clock.now_ms))["default"][4]})
        assert not await history.sample(), "one was taken lately"
        await redis.delete(keys.HISTORY_TURN)  # as time does
        clock.now_ms += EVERY_MS
    assert await history.history(4, "default", 0) == expected
    assert await history.history(4, "default", expected[1]["at"]) == expected[1:]
    assert await history.history(4, "nowhere", 0) == []
    assert [size["size"] for size in expected] == sorted({size["size"] for size in expected})


async def test_the_turn_of_the_process_that_took_a_sample_ends_when_the_next_is_due(one_redis: RedisClient) -> None:
    assert await history_of(one_redis, Clock(NOW_MS)).sample()
    left_ms = await one_redis.pttl(keys.HISTORY_TURN)
    assert EVERY_MS - 10_000 < left_ms <= EVERY_MS


async def test_a_segment_has_no_history_from_before_it_was_made_and_none_where_it_asks_the_request(
    one_redis: RedisClient,
) -> None:
    await visited(one_redis, random_of_this_run(), NOW_MS)
    catalog = catalog_of("count('buy') >= 1", "request('hour') >= 18", "count('view') >= 1 and segment('s-1')")
    assert await history_of(one_redis, Clock(NOW_MS), catalog).sample()
    assert [len(await history_of(one_redis, Clock(0)).history(number, "default", 0)) for number in range(4)] == [
        1,
        0,
        0,
        0,
    ]


async def test_a_long_history_is_read_whole(one_redis: RedisClient) -> None:
    clock = Clock(NOW_MS)
    history = history_of(one_redis, clock)
    await visited(one_redis, random_of_this_run(), NOW_MS)
    for _ in range(250):
        assert await history.sample()
        await one_redis.delete(keys.HISTORY_TURN)
        clock.now_ms += EVERY_MS
    found = await history.history(0, "shop", 0)
    assert [point["at"] for point in found] == list(range(NOW_MS, clock.now_ms, EVERY_MS))


async def test_keeping_the_history_survives_redis_being_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(tmp_path) as server:
        async with redis_at(server.url) as redis:
            await visited(redis, random_of_this_run(), NOW_MS)
            history = history_of(redis, Clock(NOW_MS))
            server.stop()
            keeping = asyncio.create_task(history.keep(look_s=0.02))
            await until(lambda: "no sample now" in caplog.text)
            server.start()
            await until(lambda: "goes on" in caplog.text)
            keeping.cancel()
            await asyncio.wait({keeping})
            assert len(await history.history(0, "shop", 0)) == 1


async def test_keeping_the_history_ends_at_once_when_it_is_to(one_redis: RedisClient) -> None:
    await visited(one_redis, random_of_this_run(), NOW_MS)
    for number in range(40):
        keeping = asyncio.create_task(history_of(one_redis, Clock(NOW_MS + number)).keep())
        await asyncio.sleep(number * 0.000_1)
        keeping.cancel()
        done, _ = await asyncio.wait({keeping}, timeout=1)
        assert done
        await one_redis.delete(keys.HISTORY_TURN)


async def test_everything_has_reached_any_version_while_there_is_nobody(redis: RedisClient) -> None:
    assert await Progress(redis, PARTITIONS, lambda: NOW_MS).of(7) == 1.0


async def test_progress_tells_the_part_of_the_memberships_that_an_edit_has_reached(one_redis: RedisClient) -> None:
    owners = [Owner(one_redis, partition) for partition in range(PARTITIONS)]
    for owner, users in zip(owners, (400, 50, 0), strict=True):
        await owner.open(NOW_MS)
        for begin in range(0, users, 50):
            events = [Event("e", f"u-{number}", "view", NOW_MS) for number in range(begin, begin + 50)]
            assert await owner.apply(events, CATALOG)
        while await progress(one_redis, owner.partition, CATALOG.version) < 1.0:
            assert await owner.refresh(CATALOG)
    assert await part(one_redis, CATALOG.version) == 1.0
    newest = catalog_of(*[f"count('view') >= {number}" for number in range(1, 7)])
    assert (await part(one_redis, CATALOG.version), await part(one_redis, newest.version)) == (1.0, 0.0)

    assert await owners[1].refresh(newest)
    assert await part(one_redis, newest.version) == 50 / 450
    found = [50 / 450]
    while found[-1] < 1.0:
        assert await owners[0].refresh(newest)
        found.append(await part(one_redis, newest.version))
        assert await part(one_redis, CATALOG.version) == 1.0
        assert await part(one_redis, newest.version + 1) == 0.0
    assert found == sorted(set(found))
    assert len(found) >= 400 // (2 * MAX_USERS) + 1
    assert {membership.catalog_version for _, membership in await everybody(one_redis)} == {newest.version}


async def visited(redis: RedisClient, random: Random, now_ms: int) -> list[Owner]:
    """Partitions whose users came at any time of the last three days."""
    owners = [Owner(redis, partition) for partition in range(PARTITIONS)]
    for owner in owners:
        await owner.open(now_ms - random.randrange(DAY_MS))
        for begin in range(0, 60, 20):
            events = [
                Event(f"e-{number}", f"u-{number}", kind, now_ms - random.randrange(3 * DAY_MS), space)
                for number in range(begin, begin + 20)
                for kind, space in (("view", "default"), ("buy", "default"), ("view", "shop"))
                if random.random() < 0.6
            ]
            assert await owner.apply(events, CATALOG)
        assert await owner.upkeep(now_ms)
    return owners


async def everybody(redis: RedisClient) -> list[tuple[str, Membership]]:
    return [each for partition in range(PARTITIONS) for each in await stored_memberships(redis, partition)]


async def counted(redis: RedisClient, at_ms: int) -> dict[str, dict[int, int]]:
    return count(await everybody(redis), at_ms)


def history_of(redis: RedisClient, clock: Clock, catalog: Catalog = CATALOG) -> SizeHistory:
    return SizeHistory(redis, SegmentSizes(redis, PARTITIONS), lambda: catalog, clock)


async def part(redis: RedisClient, version: int) -> float:
    return await Progress(redis, PARTITIONS, lambda: NOW_MS).of(version)


async def progress(redis: RedisClient, partition: int, version: int) -> float:
    return float(int(await redis.get(keys.refreshed(partition)) or 0) >= version)


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for is in a log
            await asyncio.sleep(0.01)
