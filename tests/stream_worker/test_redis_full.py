"""A Redis that is full: the worker waits and says so, nothing is lost, and it goes on by itself."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from prometheus_client import CollectorRegistry

from services.runtime.metrics import WorkerMetrics
from services.segmentation.wire import keys
from services.stream_worker.failing import REDIS_FULL
from services.stream_worker.worker import Worker
from tests.collector.memory_log import MemoryLog
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import redis_at


@pytest.fixture
def control(clean_redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(clean_redis_url) as client:
        yield client
        client.config_set("maxmemory", 0)


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[Scene]:
    async with redis_at(clean_redis_url) as client:
        yield Scene(client)


async def test_a_full_redis_is_waited_for_and_told(
    scene: Scene, control: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    before = await watermarks(scene)
    await scene.send(2, USERS)
    control.config_set("maxmemory", 1)
    async with working(worker):
        await until(lambda: is_failing(worker, REDIS_FULL))
        assert await watermarks(scene) == before
        assert await scene.counts() == {1}  # reading goes on
        control.config_set("maxmemory", 0)
        await until(scene.is_applied)
        await until(lambda: is_failing(worker, None))
    assert await scene.counts() == {2}
    assert caplog.text.count(REDIS_FULL) == 1


async def test_what_is_put_aside_meanwhile_is_put_aside_once(scene: Scene, control: "redis.Redis") -> None:
    async with working(scene.worker(scene.catalog())):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    await scene.append(0, b"nobody can read this")
    aside = scene.writer = MemoryLog()  # as on Kafka, which is not full
    control.config_set("maxmemory", 1)
    metrics = WorkerMetrics(CollectorRegistry())
    worker = scene.worker(scene.catalog(), metrics)
    async with working(worker):
        await until(lambda: has_failed(metrics, 3))
        control.config_set("maxmemory", 0)
        await until(scene.is_applied)
    assert [letter.value for letter in aside.letters] == [b"nobody can read this"]


async def has_failed(metrics: WorkerMetrics, times: int) -> bool:
    return bool(metrics.failed_turns._value.get() >= times)


async def watermarks(scene: Scene) -> list[object]:
    return [await scene.redis.get(keys.watermark(partition)) for partition in range(PARTITIONS)]


async def is_failing(worker: Worker, reason: str | None) -> bool:
    return worker.failing == reason
