"""What only the log on Kafka does: groups, topics, idempotent producers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.runtime.event_log.kafka import KafkaLog, KafkaWriter, WrongPartitionCount, ensure_topics
from services.runtime.event_log.port import LogReader, LogUnavailable, Message
from tests.support.event_logs import Frozen, KafkaTopics, listener_on
from tests.support.ports import free_ports

PATIENCE_S = 30.0


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[KafkaTopics]:
    topics = KafkaTopics(kafka_bootstrap, 4)
    await topics.create()
    yield topics
    await topics.close()


@pytest.mark.parametrize("committed", [None, 0])
async def test_a_partition_lost_and_given_again_must_be_opened_anew(topics: KafkaTopics, committed: int | None) -> None:
    writer, first, second = topics.writer(), topics.reader(), topics.reader()
    await writer.append([Message(partition, b"k", b"old") for partition in range(4)])
    if committed is not None:
        await commit(topics, committed)
    await shared_out(first)
    for partition in range(4):
        await first.seek(partition, 0)
    assert await values(first) == [b"old"] * 4
    await shared_out(first, second)
    assert (len(first.assigned()), len(second.assigned())) == (2, 2)
    assert first.unopened() == first.assigned()
    await writer.append([Message(partition, b"k", b"new") for partition in range(4)])
    assert await first.poll(100, 0.5) == await second.poll(100, 0.5) == []
    kept, lost = min(first.assigned()), min(second.assigned())
    await first.seek(lost, 0)
    assert await first.poll(100, 0.5) == []
    await first.seek(kept, 0)
    assert await values(first) == [b"old", b"new"]
    await second.close()
    await shared_out(first)
    assert first.unopened() == {0, 1, 2, 3}
    assert await first.poll(100, 0.5) == []


async def test_what_was_committed_is_no_position_to_read_from(topics: KafkaTopics) -> None:
    writer, first = topics.writer(), topics.reader()
    await writer.append([Message(0, b"k", b"%d" % number) for number in range(10)])
    await shared_out(first)
    await first.seek(0, 0)
    assert len(await values(first)) == 10
    await first.applied(0, 4)
    async with topics.admin() as admin:

        async def committed() -> bool:
            offsets = await admin.list_consumer_group_offsets(topics.log.topic)
            return {each.partition: found.offset for each, found in offsets.items()} == {0: 4}

        await comes_true(committed)
    await first.close()
    second = topics.reader()
    await shared_out(second)
    assert await second.poll(100, 0.5) == []
    await second.seek(0, 8)
    assert await values(second) == [b"8", b"9"]


async def test_topics_are_created_as_they_should_be_and_once(kafka_bootstrap: str) -> None:
    topics = KafkaTopics(kafka_bootstrap, 3)
    await asyncio.gather(topics.create(), topics.create())
    await topics.create()
    async with topics.admin() as admin:
        described = await admin.describe_topics([topics.log.topic, topics.log.dead_letters])
        assert {each["topic"]: len(each["partitions"]) for each in described} == {
            topics.log.topic: 3,
            topics.log.dead_letters: 1,
        }
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topics.log.topic)])
        settings = {name: value for name, value, *_ in answer.resources[0][4]}
        assert settings["message.timestamp.type"] == "LogAppendTime"


async def test_another_number_of_partitions_is_refused(topics: KafkaTopics) -> None:
    with pytest.raises(WrongPartitionCount, match=r"has 4 partitions where 8 are expected"):
        await ensure_topics(KafkaLog(topics.log.bootstrap, topics.log.topic, 8, topics.log.dead_letters))


async def test_brokers_that_are_not_there_are_told_at_once() -> None:
    nowhere = KafkaLog(f"127.0.0.1:{free_ports(0)[0]}")
    with pytest.raises(LogUnavailable):
        await asyncio.wait_for(ensure_topics(nowhere), 2)
    writer = KafkaWriter(nowhere)
    for _ in range(20):
        started_s = time.monotonic()
        with pytest.raises(LogUnavailable, match="cannot be reached"):
            await writer.append([Message(0, b"k", b"v")])
        assert time.monotonic() - started_s < 0.5
        await asyncio.sleep(0.05)
    await writer.close()


async def test_a_message_that_brokers_refuse_does_not_stop_the_next_ones(topics: KafkaTopics) -> None:
    writer, reader = topics.writer(), topics.reader()
    await writer.append([Message(0, b"k", b"first")])
    with pytest.raises(LogUnavailable, match="MessageSizeTooLarge"):
        await writer.append([Message(0, b"k", b"x" * 1_500_000)])
    await writer.append([Message(0, b"k", b"second")])
    await shared_out(reader)
    await reader.seek(0, 0)
    assert await values(reader) == [b"first", b"second"]


async def test_what_waits_for_frozen_brokers_is_bounded_and_told_at_once(topics: KafkaTopics) -> None:
    writer = KafkaWriter(topics.log, timeout_s=1.0, max_unsettled_bytes=100_000)
    await writer.append([Message(0, b"k", b"first")])
    broker = Frozen(listener_on(int(topics.log.bootstrap.rpartition(":")[2])))
    broker.take_away()
    try:
        waiting = [asyncio.create_task(writer.append([Message(0, b"k", b"x" * 30_000)])) for _ in range(3)]
        await asyncio.sleep(0.1)
        with pytest.raises(LogUnavailable, match="too much"):
            await asyncio.wait_for(writer.append([Message(1, b"k", b"x" * 30_000)]), 0.1)
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, LogUnavailable)
        with pytest.raises(LogUnavailable, match="not confirmed earlier"):
            await asyncio.wait_for(writer.append([Message(1, b"k", b"small")]), 0.1)
    finally:
        broker.bring_back()

    async def settled() -> bool:
        return (await topics.offsets().ends())[0] == 4

    await comes_true(settled)
    await writer.append([Message(1, b"k", b"after")])
    assert (await topics.offsets().ends())[1] == 1
    await writer.close()


async def test_only_the_first_waits_for_brokers_that_do_not_answer(topics: KafkaTopics) -> None:
    broker = Frozen(listener_on(int(topics.log.bootstrap.rpartition(":")[2])))
    broker.take_away()
    writer = KafkaWriter(topics.log, timeout_s=1.0)
    try:
        for patience_s in (1.5, 0.1, 0.1, 0.1, 0.1, 0.1):
            await asyncio.sleep(0.2)
            with pytest.raises(LogUnavailable):
                await asyncio.wait_for(writer.append([Message(0, b"k", b"v")]), patience_s)
    finally:
        broker.bring_back()
        await writer.close()


async def test_what_a_caller_no_longer_waits_for_is_delivered_all_the_same(topics: KafkaTopics) -> None:
    writer = topics.writer()
    given_up = asyncio.create_task(writer.append([Message(0, b"k", b"v")] * 100))
    await asyncio.sleep(0)
    given_up.cancel()

    async def delivered() -> bool:
        return (await topics.offsets().ends())[0] == 100

    await comes_true(delivered)


async def test_records_of_others_without_key_or_value_are_read(topics: KafkaTopics) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=topics.log.bootstrap)
    await producer.start()
    await producer.send_and_wait(topics.log.topic, b"no key", partition=0)
    await producer.send_and_wait(topics.log.topic, None, key=b"no value", partition=0)
    await producer.stop()
    reader = topics.reader()
    await shared_out(reader)
    await reader.seek(0, 0)
    assert [(each.key, each.value) for each in await reader.poll(100, 5.0)] == [(b"", b"no key"), (b"no value", b"")]


async def commit(topics: KafkaTopics, offset: int) -> None:
    """Commit for the group, while it has no member."""
    consumer = AIOKafkaConsumer(bootstrap_servers=topics.log.bootstrap, group_id=topics.log.topic)
    await consumer.start()
    everywhere = [TopicPartition(topics.log.topic, partition) for partition in range(4)]
    consumer.assign(everywhere)
    await consumer.commit(dict.fromkeys(everywhere, offset))
    await consumer.stop()


async def comes_true(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < deadline_s, "it did not come true in time"
        await asyncio.sleep(0.05)


async def shared_out(*readers: LogReader) -> None:
    """Poll until the readers own all the partitions between them, each as many. Nothing may come of it."""
    deadline_s = time.monotonic() + PATIENCE_S
    fair = 4 // len(readers)
    while [len(reader.assigned()) for reader in readers] != [fair] * len(readers):
        assert time.monotonic() < deadline_s, "the group did not settle in time"
        assert await asyncio.gather(*(reader.poll(100, 0.5) for reader in readers)) == [[]] * len(readers)


async def values(reader: LogReader) -> list[bytes]:
    """What comes until nothing more comes."""
    found: list[bytes] = []
    while records := await reader.poll(100, 1.0):
        found += [each.value for each in records]
    return found
