"""What the worker's page tells: whether it is ready, what it has stopped, and how far behind it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.local_stack.role import _only_waits_for_repair
from services.runtime.event_log.embedded import EmbeddedOffsets, log_key
from services.runtime.eviction import KeysMayBeEvicted
from services.segmentation.wire import keys
from services.stream_worker.app import open_app
from services.stream_worker.settings import WorkerSettings
from tests.stream_worker.scene import PARTITIONS, USERS, Scene
from tests.stream_worker.states import redis_at


@pytest.fixture
async def scene(clean_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("services.stream_worker.app.EVERY_S", 0.05)
    async with redis_at(clean_redis_url) as redis:
        yield Scene(redis)


@pytest.fixture
def settings(clean_redis_url: str) -> WorkerSettings:
    return WorkerSettings(redis_url=clean_redis_url, partitions=PARTITIONS)


async def test_a_worker_with_all_its_partitions_is_ready_and_tells_its_lag(
    scene: Scene, settings: WorkerSettings
) -> None:
    await scene.send(1, USERS)
    await scene.append(0, b"nobody can read this")
    async with page(settings) as client:
        told = await comes_true(client, lambda told: told["dead_letters"] == 1 and told["lag"] == 0)
        assert told == {
            "status": "ready",
            "lag": 0,
            "oldest_unapplied_s": 0,
            "missing_records": 0,
            "rewinds": 0,
            "dead_letters": 1,
            "stopped": [],
        }


async def test_a_worker_that_has_stopped_a_partition_says_which_and_why(scene: Scene, settings: WorkerSettings) -> None:
    await scene.send(1, USERS)
    await scene.redis.xtrim(log_key(0), maxlen=3, approximate=False)
    begin = (await EmbeddedOffsets(scene.redis, PARTITIONS).begins())[0]
    why = f"partition 0 is stopped: records 0 to {begin - 1} are gone: the log begins at {begin}"
    async with page(settings) as client:
        told = await comes_true(client, lambda told: told["lag"] == begin + 3 and told["oldest_unapplied_s"] > 0.1)
        assert (told["status"], told["missing"], told["stopped"], told["missing_records"]) == (503, [why], [why], begin)
        assert _only_waits_for_repair(await client.get("/readyz"))
        metrics = (await client.get("/metrics")).text
        for line in (
            "tranche_worker_stopped_partitions 1.0",
            f"tranche_worker_missing_records {float(begin)}",
            f"tranche_worker_lag_records {float(begin + 3)}",
        ):
            assert f"\n{line}\n" in metrics


async def test_a_stack_starts_in_spite_of_a_stopped_partition_and_of_nothing_else() -> None:
    stopped = ["partition 0 is stopped: …"]
    for told, starts in (
        ({"missing": stopped, "stopped": stopped}, True),
        ({"missing": ["ConnectionError", *stopped], "stopped": stopped}, False),
        ({"missing": [], "stopped": []}, False),
        ({"missing": ["Redis"]}, False),
        ([], False),
    ):
        assert _only_waits_for_repair(httpx.Response(503, json=told)) == starts, told
    assert not _only_waits_for_repair(httpx.Response(503, text="no JSON"))


async def test_a_redis_that_may_evict_watermarks_is_refused(scene: Scene, settings: WorkerSettings) -> None:
    await scene.redis.config_set("maxmemory", 10**9, "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(KeysMayBeEvicted):
            async with open_app(settings):
                pass
        assert await scene.redis.get(keys.PARTITIONS) is None
    finally:
        await scene.redis.config_set("maxmemory", 0, "maxmemory-policy", "noeviction")


@asynccontextmanager
async def page(settings: WorkerSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        open_app(settings) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client,
    ):
        yield client


async def comes_true(client: httpx.AsyncClient, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        told: dict[str, Any] = {}
        while not told or not condition(told):
            await asyncio.sleep(0.02)
            told = (await client.get("/readyz")).json()
        return told
