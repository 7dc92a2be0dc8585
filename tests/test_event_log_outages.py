"""What every event log does while its server is away, and after: errors in time, no restart of ours, nothing lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from services.runtime.event_log.port import LogReader, LogUnavailable, Message, Record
from tests.support.event_logs import (
    EmbeddedLog,
    EventLog,
    Frozen,
    KafkaTopics,
    KilledKafka,
    Server,
    StoppedRedis,
    listener_on,
    redis_process,
)
from tests.support.servers import kafka_server, redis_server

ERROR_WITHIN_S = 4.0
BACK_WITHIN_S = 60.0

T = TypeVar("T")


class Fragile(NamedTuple):
    log: EventLog
    server: Server


@pytest.fixture(
    params=["redis_stopped", "redis_frozen", "kafka_frozen", pytest.param("kafka_killed", marks=pytest.mark.long)]
)
def fragile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fragile]:
    """A log whose server can be taken away, so that adapters wait 1 s where they would wait 5."""
    match request.param:
        case "redis_stopped" | "redis_frozen" as how:
            with redis_server(tmp_path) as redis:
                server: Server = StoppedRedis(redis) if how == "redis_stopped" else Frozen(redis_process(tmp_path))
                yield from brought_back(Fragile(EmbeddedLog(redis.url, 4, timeout_s=1.0), server))
        case "kafka_frozen":
            bootstrap = request.getfixturevalue("kafka_bootstrap")
            broker = Frozen(listener_on(int(bootstrap.rpartition(":")[2])))
            yield from brought_back(Fragile(KafkaTopics(bootstrap, 4, timeout_s=1.0), broker))
        case _:
            request.getfixturevalue("kafka_bootstrap")  # skips where there can be no Kafka
            with kafka_server(tmp_path) as bootstrap:
                killed = KilledKafka(bootstrap, tmp_path)
                yield from brought_back(Fragile(KafkaTopics(bootstrap, 4, timeout_s=1.0), killed))
                killed.stop()


def brought_back(fragile: Fragile) -> Iterator[Fragile]:
    try:
        yield fragile
    finally:
        fragile.server.bring_back()


async def test_appending_fails_in_time_and_works_again_by_itself(fragile: Fragile) -> None:
    log, server = fragile
    await log.create()
    writer = log.writer()
    await writer.append([Message(0, b"k", b"before")])
    server.take_away()
    for _ in range(3):
        await fails_in_time(lambda: writer.append([Message(0, b"k", b"uncertain")]))
        await fails_in_time(lambda: writer.append([Message(1, b"k", b"uncertain")]))
    server.bring_back()
    await works_again(lambda: writer.append([Message(0, b"k", b"after")]))
    values = [each.value for each in await read(log.reader(), 0, until=b"after")]
    assert values[0] == b"before"
    assert values[-1] == b"after"
    assert set(values[1:-1]) <= {b"uncertain"}
    await log.close()


async def test_reading_fails_in_time_and_works_again_by_itself(fragile: Fragile) -> None:
    log, server = fragile
    await log.create()
    writer, reader, offsets = log.writer(), log.reader(), log.offsets()
    await writer.append([Message(0, b"k", b"before")])
    await read(reader, 0, until=b"before")
    assert (await offsets.ends())[0] == 1
    server.take_away()
    await fails_in_time(offsets.ends)
    await fails_in_time(lambda: poll_for_ever(reader))
    server.bring_back()
    await works_again(lambda: writer.append([Message(0, b"k", b"after")]))
    values = [each.value for each in await read(reader, 0, until=b"after")]
    assert values[0] == b"before"
    assert set(values[1:]) == {b"after"}  # once for every try, at most
    assert (await works_again(offsets.ends))[0] >= len(values)
    await log.close()


async def test_what_is_made_while_the_server_is_away_works_once_it_is_there(fragile: Fragile) -> None:
    log, server = fragile
    await log.create()
    server.take_away()
    writer, reader, offsets = log.writer(), log.reader(), log.offsets()
    await fails_in_time(lambda: writer.append([Message(0, b"k", b"uncertain")]))
    await fails_in_time(offsets.ends)
    server.bring_back()
    await works_again(lambda: writer.append([Message(0, b"k", b"after")]))
    assert (await read(reader, 0, until=b"after"))[-1].value == b"after"
    assert (await works_again(offsets.ends))[0] >= 1
    await log.close()


async def test_closing_ends_in_time_while_the_server_is_away(fragile: Fragile) -> None:
    log, server = fragile
    await log.create()
    writer, reader, offsets = log.writer(), log.reader(), log.offsets()
    await writer.append([Message(0, b"k", b"before")])
    await read(reader, 0, until=b"before")
    await offsets.ends()
    server.take_away()
    await fails_in_time(lambda: writer.append([Message(0, b"k", b"uncertain")]))
    started_s = time.monotonic()
    await asyncio.gather(writer.close(), reader.close(), offsets.close())
    assert time.monotonic() - started_s < ERROR_WITHIN_S


async def fails_in_time(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(LogUnavailable):
        await asyncio.wait_for(call(), ERROR_WITHIN_S)


async def works_again(call: Callable[[], Awaitable[T]]) -> T:
    deadline_s = time.monotonic() + BACK_WITHIN_S
    while True:
        try:
            return await asyncio.wait_for(call(), ERROR_WITHIN_S)
        except LogUnavailable:
            assert time.monotonic() < deadline_s, "still unavailable"
            await asyncio.sleep(0.1)


async def poll_for_ever(reader: LogReader) -> None:
    while True:
        await reader.poll(100, 0.25)


async def read(reader: LogReader, partition: int, until: bytes) -> list[Record]:
    """The partition from its begin to the record with this value, as a worker reads: opened anew after each error."""
    deadline_s = time.monotonic() + BACK_WITHIN_S
    records: list[Record] = []
    opened = False
    while not records or records[-1].value != until:
        assert time.monotonic() < deadline_s, f"not read in time; so far {len(records)}"
        if partition in reader.assigned() and (not opened or partition in reader.unopened()):
            await reader.seek(partition, 0)
            records, opened = [], True
        try:
            records += await reader.poll(100, 0.25)
        except LogUnavailable:
            opened = False
            await asyncio.sleep(0.1)
    return records
