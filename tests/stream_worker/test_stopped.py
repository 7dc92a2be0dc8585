"""Partitions that are stopped: which, why, and until when. The others never notice."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedOffsets, log_key
from services.runtime.event_log.port import LogTrimmed
from services.runtime.metrics import WorkerMetrics
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import NoWatermark
from services.stream_worker.log_watch import LogWatch
from services.stream_worker.stopped import LOOK_EVERY_S, Stopped
from services.stream_worker.worker import Worker
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import redis_at


@pytest.fixture
async def scene(clean_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    for file in ("stopped", "owned"):
        monkeypatch.setattr(f"services.stream_worker.{file}.LOOK_EVERY_S", 0.05)
    async with redis_at(clean_redis_url) as redis:
        yield Scene(redis)


async def test_a_partition_whose_next_records_are_gone_is_stopped_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    watermark, begin = await lose_the_second_of_three(scene, 0)
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await until(lambda: scene.has_applied(1))
        await until(lambda: is_stopped(worker, {0}))
        await scene.send(4, USERS)
        await until(lambda: scene.has_applied(1))
        await asyncio.sleep(0.3)  # several looks
        told = f"records {watermark} to {begin - 1} are gone: the log begins at {begin}"
        assert worker.owned.stopped.reasons == [f"partition 0 is stopped: {told}"]
        assert worker.owned.stopped.missing == begin - watermark
        assert int(await scene.redis.get(keys.watermark(0)) or 0) == watermark
        assert worker.failing is None
    [line] = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert line.startswith(f"partition 0 is stopped: {told}; `tranche repair skip 0` accepts")
    assert "`tranche repair rebuild 0` forgets" in line


async def test_a_single_record_is_told_in_the_singular(scene: Scene) -> None:
    stopped = Stopped()
    stopped.own([7])
    stopped.trimmed(LogTrimmed(7, 300, 301, 900), 0)
    assert stopped.reasons == ["partition 7 is stopped: record 300 is gone: the log begins at 301"]


async def test_it_goes_on_where_an_operator_moves_its_watermark_to(scene: Scene) -> None:
    _, begin = await lose_the_second_of_three(scene, 0)
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await until(lambda: is_stopped(worker, {0}))
        await scene.redis.set(keys.watermark(0), begin)
        await until(scene.is_applied)
        assert worker.owned.stopped.reasons == []
    assert await scene.counts() == {2, 3}


async def test_it_goes_on_once_the_log_holds_what_was_missing(scene: Scene) -> None:
    await scene.send(1, USERS)
    kept = await scene.redis.dump(log_key(0))
    await scene.redis.xtrim(log_key(0), maxlen=3, approximate=False)
    worker = scene.worker(scene.catalog())
    watch = LogWatch(
        EmbeddedOffsets(scene.redis, PARTITIONS), worker.owned.progress, worker.owned.stopped, lambda: scene.now_ms
    )
    async with working(worker):
        await until(lambda: is_stopped(worker, {0}))
        await watch.look()
        await asyncio.sleep(0.2)
        assert await is_stopped(worker, {0})
        assert isinstance(kept, bytes)
        await scene.redis.restore(log_key(0), 0, kept, replace=True)
        await watch.look()
        await until(scene.is_applied)
    assert await scene.counts() == {1}


@pytest.mark.parametrize("stored", ["nonsense", "007"])
async def test_a_watermark_that_is_no_number_stops_its_partition_alone(
    scene: Scene, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.send(1, USERS)
    await scene.redis.set(keys.watermark(1), stored)
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await until(lambda: scene.has_applied(0))
        await until(lambda: is_stopped(worker, {1}))
        await asyncio.sleep(0.3)  # several looks
        assert worker.owned.stopped.reasons == ["partition 1 is stopped: its watermark is no number"]
        assert caplog.text.count("its watermark is no number") == 1
        assert worker.failing is None
        await scene.redis.delete(keys.watermark(1))
        await until(scene.is_applied)
    assert await scene.counts() == {1}


async def test_a_watermark_that_is_taken_away_at_work_stops_its_partition(scene: Scene) -> None:
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await scene.send(1, USERS)
        await until(scene.is_applied)
        await scene.redis.set(keys.watermark(1), "repair rebuild token")
        await scene.send(2, USERS)
        await until(lambda: scene.has_applied(0))
        await until(lambda: is_stopped(worker, {1}))
        assert worker.owned.stopped.reasons == [
            "partition 1 is stopped: a repair is under way: `tranche repair rebuild`"
        ]
    assert await scene.counts() == {1, 2}


async def test_what_nobody_foresaw_when_opening_leaves_the_others_at_work(scene: Scene) -> None:
    await scene.send(1, USERS)
    await scene.redis.set(keys.turn(1), "nonsense")
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await until(lambda: scene.has_applied(0))
        assert worker.failing is not None
        await scene.redis.delete(keys.turn(1))
        await until(scene.is_applied)
    assert await scene.counts() == {1}


async def test_a_redis_that_went_back_is_noticed_also_where_nothing_comes(scene: Scene) -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    async with working(scene.worker(scene.catalog(), metrics)):
        await scene.send(1, USERS)
        await until(scene.is_applied)
        state = [name for name in await scene.redis.keys("{p00}:*") if name not in (b"{p00}:log", b"{p00}:end")]
        earlier = {name: await scene.redis.dump(name) for name in state}
        await scene.send(2, USERS)
        await until(scene.is_applied)
        assert metrics.rewinds._value.get() == 0
        went_back = scene.redis.pipeline(transaction=True)
        for name, data in earlier.items():
            assert isinstance(data, bytes)
            went_back.restore(name, 0, data, replace=True)
        await went_back.execute()
        await until(lambda: has_gone_back(metrics))  # without any new record
        await until(scene.is_applied)
    assert metrics.rewinds._value.get() == 1
    assert await scene.counts() == {2}


def test_a_log_that_ended_before_the_watermark_is_not_right_because_it_grows() -> None:
    stopped = Stopped()
    stopped.own([3])
    stopped.trimmed(LogTrimmed(3, 12, 0, 10), 0)
    assert stopped.reasons == [
        "partition 3 is stopped: the log ends at 10, before the watermark 12: it is another log, or lost its end"
    ]
    stopped.learn({3: 0}, {3: 50})
    assert stopped.holds(3, 12, LOOK_EVERY_S)
    stopped.own([])
    assert (len(stopped), stopped.reasons) == (0, [])
    stopped.own([3])
    assert stopped.holds(3, 12, 2 * LOOK_EVERY_S)
    assert not stopped.holds(3, 0, 3 * LOOK_EVERY_S)
    assert len(stopped) == 0


def test_what_the_log_holds_may_be_learnt_later() -> None:
    stopped = Stopped()
    stopped.own([3])
    stopped.trimmed(LogTrimmed(3, 12, None, None), 0)
    assert stopped.reasons == ["partition 3 is stopped: record 12 is gone, and what the log holds is not known"]
    stopped.learn({3: 20}, {3: 50})
    assert stopped.reasons == ["partition 3 is stopped: records 12 to 19 are gone: the log begins at 20"]
    assert stopped.missing == 8
    stopped.learn({3: 12}, {3: 50})
    assert not stopped.holds(3, 12, LOOK_EVERY_S)


def test_it_is_looked_at_every_few_seconds() -> None:
    stopped = Stopped()
    stopped.own([3])
    stopped.trimmed(LogTrimmed(3, 12, 20, 50), 100)
    assert stopped.resting(100) == {3}
    assert stopped.resting(100 + LOOK_EVERY_S) == set()
    assert stopped.holds(3, 12, 100 + LOOK_EVERY_S)
    assert stopped.resting(100 + LOOK_EVERY_S) == {3}


def test_an_unfit_watermark_says_whose_repair_is_under_way() -> None:
    stopped = Stopped()
    stopped.own([3, 4])
    stopped.unfit(3, NoWatermark(b"repair rebuild token"), 0)
    stopped.unfit(4, NoWatermark(b"\xff\x00"), 0)
    assert [reason.partition(": ")[2] for reason in stopped.reasons] == [
        "a repair is under way: `tranche repair rebuild`",
        "its watermark is no number",
    ]


async def lose_the_second_of_three(scene: Scene, partition: int) -> tuple[int, int]:
    """Apply the first events, then lose the second ones of a partition; its watermark, and where the log begins."""
    offsets = EmbeddedOffsets(scene.redis, PARTITIONS)
    async with working(scene.worker(scene.catalog())):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    watermark = (await offsets.ends())[partition]
    await scene.send(2, USERS)
    begin = (await offsets.ends())[partition]
    await scene.send(3, USERS)
    await scene.redis.xtrim(log_key(partition), minid=f"{begin}-0", approximate=False)
    return watermark, begin


async def has_gone_back(metrics: WorkerMetrics) -> bool:
    return bool(metrics.rewinds._value.get() > 0)


async def is_stopped(worker: Worker, partitions: Collection[int]) -> bool:
    return len(worker.owned.stopped) == len(partitions) and worker.owned.positions.keys().isdisjoint(partitions)
