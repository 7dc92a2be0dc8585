"""What every box of dead letters does, on whichever log."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from services.dead_letters.box import Letter, LetterBox
from services.dead_letters.embedded_box import EmbeddedBox
from services.dead_letters.kafka_box import KafkaBox
from services.dead_letters.selection import Selection, selected
from services.runtime.event_log.kafka import KafkaWriter
from services.runtime.event_log.port import DeadLetter, Message
from services.runtime.redis_client import connect
from tests.support.event_logs import EmbeddedLog, EventLog, KafkaTopics

LETTERS = [
    DeadLetter("not JSON: unexpected character", 3, 17, b"user", b"\x00\xff{"),
    DeadLetter("type: too long", 1, 5, b"", b"{}"),
    DeadLetter("NOT an event, zu spät", 3, 18, b"k", b"[]"),
]


EVERY = Selection()


class Place(NamedTuple):
    """A log with nothing in it, and the box of its dead letters."""

    log: EventLog
    box: LetterBox


@pytest.fixture(params=["embedded", "embedded_in_a_cluster", "kafka"])
def empty_place(request: pytest.FixtureRequest) -> Place:
    if request.param == "kafka":
        topics = KafkaTopics(request.getfixturevalue("kafka_bootstrap"), 4)
        return Place(topics, KafkaBox(topics.log, connect(request.getfixturevalue("clean_redis_url"), timeout_s=5)))
    url = request.getfixturevalue("clean_redis_url")
    if request.param == "embedded_in_a_cluster":
        url = request.getfixturevalue("clean_redis_cluster_url").replace("redis://", "redis+cluster://")
    return Place(EmbeddedLog(url, 4), EmbeddedBox(connect(url, timeout_s=5)))


@pytest.fixture
async def place(empty_place: Place) -> AsyncIterator[Place]:
    yield empty_place
    await empty_place.box.close()
    await empty_place.log.close()


async def left(box: LetterBox, selection: Selection = EVERY) -> list[Letter]:
    return [letter async for letter in selected(box, selection)]


async def contents(box: LetterBox, selection: Selection = EVERY) -> list[DeadLetter]:
    return [letter.content for letter in await left(box, selection)]


async def test_letters_come_oldest_first_with_the_time_and_leave_when_settled(
    place: Place,
) -> None:
    log, box = place
    assert await left(box) == []
    await log.create()
    assert await left(box) == []
    before_ms, writer = time.time_ns() // 1_000_000, log.writer()
    await writer.dead_letter(LETTERS)
    found = await left(box)
    assert [each.content for each in found] == LETTERS
    assert all(before_ms - 1 <= each.put_aside_ms <= time.time_ns() // 1_000_000 + 1 for each in found)
    await box.settle(found[1:2])
    assert await contents(box) == [LETTERS[0], LETTERS[2]]
    await box.settle([found[0], found[2]])
    await box.settle([])
    assert await left(box) == []
    await writer.dead_letter(LETTERS[:1])
    assert await contents(box) == LETTERS[:1], "the same record put aside again is another letter"


async def test_letters_are_selected_by_where_their_record_was_and_why(clean_redis_url: str) -> None:
    log, box = EmbeddedLog(clean_redis_url, 4), EmbeddedBox(connect(clean_redis_url, timeout_s=5))
    await log.writer().dead_letter(LETTERS)
    assert await contents(box, Selection(partition=3)) == [LETTERS[0], LETTERS[2]]
    assert await contents(box, Selection(partition=3, offset=18)) == [LETTERS[2]]
    assert await contents(box, Selection(offset=5)) == [LETTERS[1]]
    assert await contents(box, Selection(reason="not")) == [LETTERS[0], LETTERS[2]]
    assert await contents(box, Selection(partition=0)) == []
    await box.close()
    await log.close()


async def test_what_comes_while_they_are_read_is_for_the_next_time(place: Place) -> None:
    """Else a replay would go round for ever with what cannot be read."""
    log, box = place
    await log.create()
    writer = log.writer()
    letters = [DeadLetter("x" * number, 0, number, b"k", b"v" * 40_000) for number in range(50)]
    await writer.dead_letter(letters)
    reading = box.left()
    first = await anext(reading)
    await writer.dead_letter(LETTERS)
    assert [first.content, *[each.content async for each in reading]] == letters
    assert len(await left(box)) == 53


async def test_notes_on_kafka_go_with_the_letters(kafka_bootstrap: str, clean_redis_url: str) -> None:
    topics, redis = KafkaTopics(kafka_bootstrap, 1), connect(clean_redis_url, timeout_s=5)
    box = KafkaBox(topics.log, redis)
    await topics.create()
    await topics.writer().dead_letter(LETTERS)
    await box.settle(await left(box))
    async with topics.admin() as admin:
        await admin.delete_records({TopicPartition(topics.log.dead_letters, 0): RecordsToDelete(2)})
    assert await left(box) == []
    [notes] = await redis.keys("tranche:dead-letters:settled:*")
    assert await redis.zrange(notes, 0, -1) == [b"2"]
    await box.close()
    await topics.close()


async def test_what_no_worker_put_there_is_passed_over(kafka_bootstrap: str, clean_redis_url: str) -> None:
    topics, redis = KafkaTopics(kafka_bootstrap, 1), connect(clean_redis_url, timeout_s=5)
    box = KafkaBox(topics.log, redis)
    await topics.create()
    stranger = KafkaWriter(replace(topics.log, topic=topics.log.dead_letters))
    await stranger.append([Message(0, b"k", b"no letter")])
    await topics.writer().dead_letter(LETTERS)
    assert [each.content for each in await left(box)] == LETTERS
    await stranger.close()
    await box.close()
    await topics.close()
