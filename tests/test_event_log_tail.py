"""What every log tells of its end: `services/runtime/event_log/tail.py`, held to by each adapter."""

from collections.abc import Sequence

import pytest

from services.runtime.event_log.port import LogUnavailable, Message, Record
from services.runtime.event_log.tail import LogTail
from tests.support.event_logs import EmbeddedLog, EventLog, KafkaTopics

PARTITIONS = 3


@pytest.fixture
def partitions() -> int:
    return PARTITIONS


@pytest.fixture
async def event_log(event_log: EventLog) -> EventLog:
    """With records in two of its partitions."""
    await event_log.writer().append([Message(number % 2, b"k", b"%d" % number) for number in range(20)])
    return event_log


async def whole(tail: LogTail, begin: int, most: int, partitions: Sequence[int] = range(PARTITIONS)) -> list[Record]:
    """From the same offset of some partitions on, as often as it takes; never more than `most` at a time."""
    ends = await tail.ends()
    nexts, found = dict.fromkeys(partitions, begin), list[Record]()
    while behind := {each: (at, ends[each]) for each, at in nexts.items() if at < ends[each]}:
        for partition, stretch in (await tail.read(behind, most)).items():
            assert len(stretch.records) <= most
            found += stretch.records
            nexts[partition] = stretch.next
    return found


async def test_all_from_an_offset_to_the_end_is_read_however_little_at_a_time(event_log: EventLog) -> None:
    tail = event_log.tail()
    assert await tail.ends() == {0: 10, 1: 10, 2: 0}
    for begin, most in (0, 100), (0, 3), (7, 100), (10, 1):
        found = await whole(tail, begin, most)
        assert sorted((each.partition, each.offset) for each in found) == [
            (partition, offset) for partition in (0, 1) for offset in range(begin, 10)
        ]
        assert {each.value for each in found} == {b"%d" % number for number in range(20) if number // 2 >= begin}


async def test_what_was_appended_since_the_end_was_asked_for_is_not_read(event_log: EventLog) -> None:
    tail = event_log.tail()
    ends = await tail.ends()
    await event_log.writer().append([Message(1, b"k", b"later")])
    found = await tail.read({1: (8, ends[1])}, 100)
    assert ([each.offset for each in found[1].records], found[1].next) == ([8, 9], 10)
    assert [each.value for each in await whole(tail, 10, 100)] == [b"later"]


async def test_what_is_no_longer_there_is_passed_over(event_log: EventLog) -> None:
    tail = event_log.tail()
    await event_log.trim(0, below=6)
    await event_log.trim(1, below=10)
    assert [(each.partition, each.offset) for each in await whole(tail, 2, 100)] == [(0, at) for at in range(6, 10)]


async def test_a_log_that_is_away_is_unavailable_within_its_time() -> None:
    for log in EmbeddedLog("redis://127.0.0.1:1", 1, timeout_s=0.5), KafkaTopics("127.0.0.1:1", 1, timeout_s=0.5):
        tail = log.tail()
        with pytest.raises(LogUnavailable):
            await tail.ends()
        with pytest.raises(LogUnavailable):
            await tail.read({0: (0, 1)}, 10)
        await log.close()
