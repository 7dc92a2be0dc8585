"""Redis goes and comes back: the trainer says so, and goes on as if nothing had been."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from services.local_stack.redis_server import RedisServer
from services.runtime.redis_client import connect
from services.trainer.settings import TrainerSettings
from tests.segmentation.training.crowds import DEFINITIONS, samples
from tests.support.servers import redis_server
from tests.trainer.scene import Page, Scene, by_hand, trainer

CLUSTER = DEFINITIONS["cluster"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    with redis_server(tmp_path) as one:
        yield one


async def test_redis_away_and_back(server: RedisServer) -> None:
    settings = TrainerSettings(redis_url=server.url, publish_seconds=0)
    scene = Scene(connect(server.url, timeout_s=5), settings)
    everything = [*samples(1_200)]
    await scene.define(CLUSTER)
    async with trainer(scene) as page:
        await scene.tell(CLUSTER, everything[:600])
        await scene.until_live(2)
        server.stop()
        await scene.until(page.status, 503)
        await scene.until(partial(has_failed, page), True)
        server.start()
        await scene.until(page.status, 200)
        await scene.tell(CLUSTER, everything[600:])
        await scene.until_live(5)
    assert await scene.snapshots() == by_hand(CLUSTER, everything)
    await scene.close()


async def has_failed(page: Page) -> bool:
    return (await page.metric("tranche_trainer_failed_turns_total") or 0) >= 1


async def test_what_redis_lost_is_learned_again(scene: Scene) -> None:
    """A failover: the trainer remembers more than Redis does."""
    everything = [*samples(1_200)]
    await scene.define(CLUSTER)
    async with trainer(scene) as page:
        await scene.tell(CLUSTER, everything[:500])
        await scene.until_live(2)
        names = [key for key in await scene.redis.keys("{tranche:catalog}:*") if b"trainer" not in key]
        before = [(name, await scene.redis.dump(name) or b"") for name in [*names, b"tranche:catalog"]]
        await scene.tell(CLUSTER, everything[500:800])
        await scene.until_live(3)
        for name, dumped in before:
            await scene.redis.restore(name, 0, dumped, replace=True)
        await scene.tell(CLUSTER, everything[800:])
        await scene.until_live(5)
        assert await page.metric("tranche_trainer_setbacks_total") == 1
    assert await scene.snapshots() == by_hand(CLUSTER, everything)
