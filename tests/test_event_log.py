"""What every event log does, whichever it is: the behaviour that `services/runtime/event_log/port.py` promises."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

import pytest

from services.runtime.event_log.port import DeadLetter, LogReader, LogTrimmed, Message, Record
from tests.support.event_logs import EventLog

PATIENCE_S = 20.0

Item = TypeVar("Item", Record, Message)


@pytest.fixture
def partitions() -> int:
    return 4


async def test_records_of_a_partition_come_back_whole_and_in_the_order_appended(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    messages = [Message(number % 3, b"user-%d" % number, b"value %d" % number) for number in range(30)]
    before_ms = time.time_ns() // 1_000_000
    await writer.append(messages[:10])
    await writer.append(messages[10:])
    records = await read_all(reader, range(4), 30)
    assert by_partition(as_messages(records)) == by_partition(messages)
    assert all(before_ms - 1 <= each.appended_ms <= time.time_ns() // 1_000_000 + 1 for each in records)


async def test_offsets_rise_within_a_partition(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    await asyncio.gather(*(writer.append(numbered(partition, 20)) for partition in (0, 1, 0, 1)))
    for records in by_partition(await read_all(reader, range(4), 80)).values():
        assert all(earlier.offset < later.offset for earlier, later in pairwise(records))


async def test_keys_and_values_are_any_bytes(event_log: EventLog) -> None:
    every_byte = bytes(range(256))
    messages = [
        Message(0, every_byte, every_byte[::-1]),
        Message(0, b"", b""),
        Message(0, b"\xff\xfe", b"\r\n*1\r\n"),
        Message(0, b"k", every_byte * 128),
    ]
    await event_log.writer().append(messages)
    assert as_messages(await read_all(event_log.reader(), [0], 4)) == messages


async def test_appending_nothing_is_fine(event_log: EventLog) -> None:
    writer = event_log.writer()
    await writer.append([])
    await writer.dead_letter([])
    assert sum((await event_log.offsets().ends()).values()) == 0


async def test_the_ends_tell_what_was_appended(event_log: EventLog) -> None:
    writer, offsets = event_log.writer(), event_log.offsets()
    assert await offsets.ends() == {0: 0, 1: 0, 2: 0, 3: 0}
    await writer.append([*numbered(1, 5), *numbered(3, 2)])
    assert await offsets.ends() == {0: 0, 1: 5, 2: 0, 3: 2}
    await writer.append(numbered(1, 1))
    assert await offsets.ends() == {0: 0, 1: 6, 2: 0, 3: 2}
    records = await read_all(event_log.reader(), range(4), 8)
    assert {each.partition: each.offset + 1 for each in records} == {1: 6, 3: 2}


async def test_seeking_back_reads_the_same_again(event_log: EventLog) -> None:
    reader = event_log.reader()
    await event_log.writer().append([*numbered(0, 50), *numbered(2, 30)])
    first = by_partition(await read_all(reader, [0, 2], 80))
    assert by_partition(await read_all(reader, [0, 2], 80)) == first
    await reader.seek(0, first[0][20].offset)
    assert await poll_until(reader, 30) == first[0][20:]


async def test_seek_drops_what_was_fetched_ahead(event_log: EventLog) -> None:
    reader = event_log.reader()
    await event_log.writer().append(numbered(0, 40))
    await opened(reader, [0])
    first = await poll_until(reader, 3, max_records=3)
    await reader.seek(0, first[0].offset + 37)
    assert [each.value for each in await poll_until(reader, 3)] == [b"37", b"38", b"39"]


async def test_nothing_is_read_from_a_partition_that_is_not_open(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    await writer.append([*numbered(0, 5), *numbered(1, 5)])
    await assigned(reader, range(4))
    assert reader.unopened() == {0, 1, 2, 3}
    assert await reader.poll(100, 0.5) == []
    await reader.seek(1, 0)
    assert reader.unopened() == {0, 2, 3}
    assert {each.partition for each in await poll_until(reader, 5)} == {1}
    await writer.append(numbered(0, 5))
    assert await reader.poll(100, 0.5) == []


async def test_a_poll_gives_no_more_than_asked_for_and_each_partition_in_one_piece(event_log: EventLog) -> None:
    reader = event_log.reader()
    await event_log.writer().append([*numbered(0, 90), *numbered(1, 5), *numbered(2, 12)])
    await opened(reader, range(4))
    polls = [await reader.poll(10, 1.0) for _ in range(11)]
    assert all(len(poll) <= 10 for poll in polls)
    assert all(max(Counter(pieces(poll)).values(), default=0) <= 1 for poll in polls)
    assert sum(map(len, polls)) == 107


async def test_a_poll_waits_for_records_and_gives_up_in_time(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    await writer.append(numbered(3, 1))
    await read_all(reader, range(4), 1)
    started_s = time.monotonic()
    assert await reader.poll(100, 0.3) == []
    assert 0.25 <= time.monotonic() - started_s < 2.0
    waiting = asyncio.create_task(reader.poll(100, 10.0))
    await asyncio.sleep(0.2)
    await writer.append(numbered(2, 1))
    assert as_messages(await asyncio.wait_for(waiting, 5)) == numbered(2, 1)


async def test_a_position_below_what_the_log_still_holds_is_told(event_log: EventLog) -> None:
    reader = event_log.reader()
    await event_log.writer().append(numbered(1, 10))
    await opened(reader, [0])
    await event_log.trim(1, below=6)
    await reader.seek(1, 0)
    with pytest.raises(LogTrimmed, match=r"partition 1\b.*\b0\b.*\b6\b") as told:
        await poll_until(reader, 1)
    assert (told.value.partition, told.value.position, told.value.begin, told.value.end) == (1, 0, 6, 10)
    await reader.seek(1, 6)
    assert [each.value for each in await poll_until(reader, 4)] == [b"6", b"7", b"8", b"9"]


async def test_a_log_trimmed_to_its_end_goes_on_from_there_only(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    await writer.append(numbered(1, 10))
    await event_log.trim(1, below=10)
    await opened(reader, [0])
    await reader.seek(1, 9)
    with pytest.raises(LogTrimmed, match=r"partition 1\b.*\b9\b") as told:
        await poll_until(reader, 1)
    assert (told.value.position, told.value.begin, told.value.end) == (9, 10, 10)
    await reader.seek(1, 10)
    assert await reader.poll(100, 0.3) == []
    await writer.append([Message(1, b"k", b"next")])
    [record] = await poll_until(reader, 1)
    assert (record.offset, record.value) == (10, b"next")


async def test_a_position_beyond_the_end_is_told(event_log: EventLog) -> None:
    reader = event_log.reader()
    await event_log.writer().append(numbered(1, 10))
    await opened(reader, [0])
    await reader.seek(1, 12)
    with pytest.raises(LogTrimmed, match=r"partition 1\b.*\b12\b.*\b10\b") as told:
        await poll_until(reader, 1)
    assert (told.value.position, told.value.begin, told.value.end) == (12, 0, 10)


async def test_the_others_are_read_on_when_a_partition_is_shut(event_log: EventLog) -> None:
    writer, reader = event_log.writer(), event_log.reader()
    await writer.append([*numbered(0, 3), *numbered(1, 10)])
    await event_log.trim(1, below=6)
    await opened(reader, [0, 1])
    with pytest.raises(LogTrimmed):
        await poll_until(reader, 100)
    await reader.shut(1)
    assert reader.unopened() >= {1}
    assert 1 in reader.assigned()
    await reader.seek(0, 0)
    await writer.append([*numbered(0, 2), *numbered(1, 2)])
    assert {each.partition for each in await poll_until(reader, 5)} == {0}
    assert await reader.poll(100, 0.5) == []
    await reader.seek(1, 6)
    assert [each.value for each in await poll_until(reader, 6)] == [b"6", b"7", b"8", b"9", b"0", b"1"]


async def test_the_begins_tell_what_is_still_held(event_log: EventLog) -> None:
    offsets = event_log.offsets()
    assert await offsets.begins() == {0: 0, 1: 0, 2: 0, 3: 0}
    await event_log.writer().append([*numbered(1, 10), *numbered(2, 5)])
    await event_log.trim(1, below=6)
    await event_log.trim(2, below=5)
    assert await offsets.begins() == {0: 0, 1: 6, 2: 5, 3: 0}


async def test_dead_letters_keep_the_reason_and_the_original_bytes(event_log: EventLog) -> None:
    letters = [
        DeadLetter("not JSON: unexpected character", 3, 17, b"user", b"\x00\xff{"),
        DeadLetter("ts: zu spät " * 1_000, 0, 0, b"", b"x" * 1_048_000),  # as large as a record may be
    ]
    writer = event_log.writer()
    await writer.dead_letter(letters)
    assert list(await event_log.dead_letters()) == letters
    await writer.dead_letter([DeadLetter("half of a pair: \ud83d", 1, 2, b"k", b"v")])


@pytest.mark.parametrize("partitions", [64])
async def test_a_large_batch_over_64_partitions_arrives_complete(event_log: EventLog) -> None:
    messages = [Message(number * 7 % 64, b"%d" % number, b"x" * 32_768) for number in range(500)]
    await event_log.writer().append(messages)
    records = await read_all(event_log.reader(), range(64), 500)
    assert by_partition(as_messages(records)) == by_partition(messages)


def numbered(partition: int, count: int) -> list[Message]:
    return [Message(partition, b"key", b"%d" % number) for number in range(count)]


def as_messages(records: Iterable[Record]) -> list[Message]:
    return [Message(each.partition, each.key, each.value) for each in records]


def by_partition(items: Iterable[Item]) -> dict[int, list[Item]]:
    found: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        found[item.partition].append(item)
    return dict(found)


def pieces(records: Iterable[Record]) -> list[int]:
    """The partitions in the order in which their runs come."""
    return [partition for partition, _run in groupby(records, key=lambda each: each.partition)]


async def assigned(reader: LogReader, partitions: Iterable[int]) -> None:
    """Poll until the reader owns the partitions."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not reader.assigned() >= frozenset(partitions):
        assert time.monotonic() < deadline_s, "the partitions were not assigned in time"
        assert await reader.poll(1, 0.1) == []


async def opened(reader: LogReader, partitions: Sequence[int] | range) -> None:
    """Open the partitions at their begin."""
    await assigned(reader, partitions)
    for partition in partitions:
        await reader.seek(partition, 0)


async def poll_until(reader: LogReader, count: int, max_records: int = 100) -> list[Record]:
    """Poll until `count` records have come, or no more come."""
    deadline_s = time.monotonic() + PATIENCE_S
    records: list[Record] = []
    while len(records) < count and time.monotonic() < deadline_s:
        records += await reader.poll(max_records, 1.0)
    return records


async def read_all(reader: LogReader, partitions: Sequence[int] | range, count: int) -> list[Record]:
    await opened(reader, partitions)
    return await poll_until(reader, count)
