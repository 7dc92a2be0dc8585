"""The same on Apache Kafka: what its retention took is told, and repaired while the worker runs."""

from collections.abc import AsyncIterator

import pytest

from tests.repair.scene import BROKEN, WHOLE, Repairs
from tests.stream_worker.scene import PARTITIONS, until, working
from tests.stream_worker.states import redis_at
from tests.support.event_logs import KafkaTopics


@pytest.fixture
async def repairs(
    kafka_bootstrap: str, clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Repairs]:
    for file in ("stopped", "owned"):
        monkeypatch.setattr(f"services.stream_worker.{file}.LOOK_EVERY_S", 0.2)
    topics = KafkaTopics(kafka_bootstrap, PARTITIONS)
    await topics.create()
    async with redis_at(clean_redis_url) as redis:
        repairs = Repairs(redis, topics)
        await repairs.begin()
        yield repairs
    await topics.close()


async def test_a_partition_that_kafka_has_trimmed_is_stopped_and_repaired(repairs: Repairs) -> None:
    worker = await repairs.worker()

    async def is_stopped() -> bool:
        return len(worker.owned.stopped) == 1

    async with working(worker):
        await until(is_stopped)
        state = await repairs.state()
        assert worker.owned.stopped.reasons == [f"partition {BROKEN} is stopped: {state.why}"]
        assert state.missing == state.end - state.begin > 100
        await until(lambda: repairs.scene.has_applied(WHOLE))
        await repairs.skip()
        await until(repairs.scene.is_applied)
        assert (await repairs.counts(BROKEN), await repairs.counts(WHOLE)) == ({2}, {3})
        await repairs.rebuild()
        await until(repairs.scene.is_applied)
    assert (await repairs.counts(BROKEN), await repairs.counts(WHOLE)) == ({1}, {3})
