"""Work that fails: the partition rests for a moment, and what it failed with is told for a little longer."""

from services.segmentation.wire import keys
from services.stream_worker.setbacks import TOLD_S, Setbacks
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import redis_at


def test_each_rests_for_its_own_time() -> None:
    setbacks = Setbacks()
    setbacks.note([1, 2], "A", now_s=10, rest_s=0.5)
    setbacks.note([2], "B", now_s=10.4, rest_s=0.5)
    assert setbacks.resting(10.45) == {1, 2}
    assert setbacks.resting(10.5) == {2}
    assert setbacks.resting(10.9) == set()


def test_the_latest_reason_is_told_for_a_while() -> None:
    setbacks = Setbacks()
    assert setbacks.reason(0) is None
    setbacks.note([1], "A", now_s=10, rest_s=0.5)
    setbacks.note([], "B", now_s=11, rest_s=0.5)
    assert setbacks.reason(11) == "B"
    assert setbacks.reason(11 + TOLD_S) is None


async def test_a_partition_that_redis_refuses_holds_back_no_other(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        scene = Scene(redis)
        await redis.set(keys.spaces(0), "no list")  # reading it is an error of Redis, as of a node that is away
        worker = scene.worker(scene.catalog())
        async with working(worker):
            await scene.send(1, USERS)
            await until(lambda: scene.has_applied(PARTITIONS - 1))
            assert worker.failing == "ResponseError"
            assert not await scene.has_applied(0)
            await redis.delete(keys.spaces(0))
            await until(scene.is_applied)
        assert await scene.counts() == {1}


async def test_only_what_failed_is_closed(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        scene = Scene(redis)
        worker = scene.worker(scene.catalog())
        async with working(worker):
            await scene.send(1, USERS)
            await until(scene.is_applied)
        worker.owned.set_back([0], "ResponseError", 60)
        assert worker.owned.positions.keys() == {1}
        assert 0 not in worker.owned.follow_the_group()
