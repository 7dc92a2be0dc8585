"""The samples log on a real Kafka, which cuts it into other batches and offsets of its own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.runtime.redis_client import connect
from services.trainer.settings import TrainerSettings
from tests.segmentation.training.crowds import DEFINITIONS, samples
from tests.trainer.scene import MODEL, Scene, by_hand, raw, trainer

CLUSTER = DEFINITIONS["cluster"]


@pytest.fixture
async def on_kafka(kafka_bootstrap: str, clean_redis_url: str) -> AsyncIterator[Scene]:
    name = uuid4().hex
    settings = TrainerSettings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=f"events-{name}",
        samples_topic=f"samples-{name}",
        redis_url=clean_redis_url,
        publish_seconds=0,
    )
    one = Scene(connect(clean_redis_url, timeout_s=5), settings)
    yield one
    await one.close()


async def test_trainers_that_come_and_go_make_the_snapshots_of_one(on_kafka: Scene) -> None:
    everything = [*samples(1_200)]
    await on_kafka.define(CLUSTER)
    await on_kafka.define(CLUSTER, "other")
    async with trainer(on_kafka):
        await on_kafka.tell(CLUSTER, everything[:530])
        await on_kafka.until_live(2)
    await on_kafka.append([raw(MODEL, b"poison")])
    await on_kafka.tell(CLUSTER, samples(600, seed=2), "other")
    async with trainer(on_kafka), trainer(on_kafka):
        await on_kafka.tell(CLUSTER, everything[530:])
        await on_kafka.until_live(5)
        await on_kafka.until_live(2, "other")
        await on_kafka.until(on_kafka.backlog, 0)
    assert await on_kafka.snapshots() == by_hand(CLUSTER, everything)
    assert await on_kafka.snapshots("other") == by_hand(CLUSTER, samples(600, seed=2), "other")
