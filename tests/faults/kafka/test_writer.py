"""When the writer takes the log for gone, and when not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from services.runtime.event_log.kafka import KafkaWriter
from services.runtime.event_log.port import LogUnavailable, Message
from tests.support.event_logs import Frozen, KafkaTopics, listener_on

PARTITIONS = 2


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[KafkaTopics]:
    topics = KafkaTopics(kafka_bootstrap, PARTITIONS)
    await topics.create()
    yield topics
    await topics.close()


def put(writer: KafkaWriter, value: bytes) -> "asyncio.Task[None]":
    return asyncio.create_task(writer.append([Message(0, b"k", value)]))


async def test_new_messages_are_refused_long_before_those_that_wait_are_given_up(topics: KafkaTopics) -> None:
    writer = KafkaWriter(topics.log, timeout_s=10.0)
    await put(writer, b"before")
    broker = Frozen(listener_on(int(topics.log.bootstrap.rpartition(":")[2])))
    broker.take_away()
    try:
        waiting = put(writer, b"waits")
        await asyncio.sleep(1.5)
        with pytest.raises(LogUnavailable, match="not confirmed earlier"):
            await asyncio.wait_for(put(writer, b"refused"), 0.1)
        assert not waiting.done()
    finally:
        broker.bring_back()
    await waiting
    await put(writer, b"after")
    assert await topics.offsets().ends() == {0: 3, 1: 0}
    await writer.close()


async def test_nothing_is_late_because_this_process_stood_still(topics: KafkaTopics) -> None:
    writer = KafkaWriter(topics.log)
    await put(writer, b"before")
    appending = [put(writer, b"waits")]
    await asyncio.sleep(0)
    time.sleep(1.5)  # noqa: ASYNC251 - as a large body does that is being decoded
    for _ in range(50):
        appending.append(put(writer, b"more"))
        await asyncio.sleep(0)
    await asyncio.gather(*appending)
    await writer.close()
