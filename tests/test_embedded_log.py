"""What only the log on Redis Streams does: dense offsets, trimming, fair shares, surviving a kill."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.event_log import embedded
from services.runtime.event_log.embedded import DEAD_LETTERS_KEY, EmbeddedWriter, fair_shares, in_turn, log_key
from services.runtime.event_log.port import DeadLetter, LogTrimmed, LogUnavailable, Message
from services.runtime.redis_client import connect
from tests.support.event_logs import EmbeddedLog, redis_process
from tests.support.servers import redis_server


@pytest.fixture
def raw_redis(clean_redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(clean_redis_url) as client:
        yield client


@pytest.fixture
async def embedded_log(clean_redis_url: str) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(clean_redis_url, 4)
    yield log
    await log.close()


async def test_offsets_are_dense_and_survive_trimming_everything(embedded_log: EmbeddedLog) -> None:
    writer, reader = embedded_log.writer(), embedded_log.reader()
    for _ in range(3):
        await writer.append([Message(2, b"k", b"v")] * 2)
        await reader.seek(2, 0)
    assert [each.offset for each in await reader.poll(100, 1)] == list(range(6))
    await embedded_log.trim(2, below=6)
    await writer.append([Message(2, b"k", b"v")])
    await reader.seek(2, 6)
    assert [each.offset for each in await reader.poll(100, 1)] == [6]


async def test_applied_records_are_trimmed_and_no_others(embedded_log: EmbeddedLog, raw_redis: "redis.Redis") -> None:
    writer, reader = embedded_log.writer(), embedded_log.reader()
    await writer.append([Message(1, b"k", b"%d" % number) for number in range(5_000)])
    for offset in range(0, 4_001, 100):
        await reader.applied(1, offset)
    assert 1_000 <= raw_redis.xlen(log_key(1)) <= 1_000 + 100
    await reader.seek(1, 4_000)
    records = await reader.poll(5_000, 1)
    assert [each.value for each in records] == [b"%d" % number for number in range(4_000, 5_000)]


async def test_a_partition_that_nobody_applies_takes_no_more_until_it_is_trimmed(clean_redis_url: str) -> None:
    log = EmbeddedLog(clean_redis_url, 4)
    writer = EmbeddedWriter(connect(clean_redis_url, timeout_s=2), max_records=10)
    await writer.append([Message(1, b"k", b"v")] * 10)
    with pytest.raises(LogUnavailable, match="too far behind"):
        await writer.append([Message(1, b"k", b"v")])
    await writer.append([Message(2, b"k", b"v")])
    await log.trim(1, below=5)
    await writer.append([Message(1, b"k", b"v")])
    assert (await log.offsets().ends())[1] == 11
    await writer.close()
    await log.close()


async def test_trimming_is_rare(embedded_log: EmbeddedLog, raw_redis: "redis.Redis") -> None:
    reader = embedded_log.reader()
    raw_redis.config_resetstat()
    for offset in range(10_000):
        await reader.applied(1, offset)
    assert raw_redis.info("commandstats")["cmdstat_xtrim"]["calls"] == 9


async def test_a_loss_under_an_open_reader_is_told(embedded_log: EmbeddedLog, raw_redis: "redis.Redis") -> None:
    writer, reader = embedded_log.writer(), embedded_log.reader()
    await writer.append([Message(1, b"k", b"v")] * 10)
    await reader.seek(1, 0)
    assert len(await reader.poll(100, 1)) == 10
    raw_redis.flushall()
    await writer.append([Message(1, b"k", b"v")] * 9)
    with pytest.raises(LogTrimmed, match=r"partition 1\b.*\b10\b.*\b9\b"):
        await reader.poll(100, 1)


async def test_an_error_in_one_partition_loses_no_record_of_another(embedded_log: EmbeddedLog) -> None:
    writer, reader = embedded_log.writer(), embedded_log.reader()
    await writer.append([Message(0, b"k", b"v"), Message(1, b"k", b"v")])
    await embedded_log.trim(1, below=1)
    await reader.seek(0, 0)
    await reader.seek(1, 0)
    with pytest.raises(LogTrimmed):
        await reader.poll(100, 1)
    await reader.seek(1, 1)
    assert [(each.partition, each.offset) for each in await reader.poll(100, 1)] == [(0, 0)]


async def test_a_full_partition_leaves_the_others_their_share(embedded_log: EmbeddedLog) -> None:
    reader = embedded_log.reader()
    await embedded_log.writer().append(
        [*[Message(0, b"k", b"v")] * 500, *[Message(1, b"k", b"v")] * 500, *[Message(2, b"k", b"v")] * 3]
    )
    for partition in range(4):
        await reader.seek(partition, 0)
    assert Counter(each.partition for each in await reader.poll(100, 1)) == {0: 49, 1: 48, 2: 3}


@given(backlogs=st.dictionaries(st.integers(0, 63), st.integers(0, 1_000)), room=st.integers(0, 2_000))
def test_shares_are_fair_and_use_all_the_room_there_is_need_for(backlogs: dict[int, int], room: int) -> None:
    shares = fair_shares(backlogs, room)
    assert sum(shares.values()) == min(room, sum(backlogs.values()))
    assert all(0 < share <= backlogs[partition] for partition, share in shares.items())
    hungry = [shares.get(partition, 0) for partition, backlog in backlogs.items() if shares.get(partition, 0) < backlog]
    assert all(share <= least + 1 for least in hungry for share in shares.values())


@given(
    backlogs=st.dictionaries(st.integers(0, 63), st.integers(0, 5_000)),
    room=st.integers(1, 2_000),
    last=st.integers(-1, 63),
)
def test_everybody_has_a_turn_and_a_good_piece_of_the_room(backlogs: dict[int, int], room: int, last: int) -> None:
    waiting = {partition: backlog for partition, backlog in backlogs.items() if backlog}
    for _ in waiting:
        if not waiting:
            break
        shares = fair_shares(turn := in_turn(waiting, room, last), room)
        assert sum(shares.values()) == min(room, sum(turn.values()))
        assert all(share >= min(turn[partition], room // 4) for partition, share in shares.items())
        last = list(turn)[-1]
        waiting = {partition: backlog for partition, backlog in waiting.items() if partition not in turn}
    assert not waiting


async def test_partitions_that_are_all_far_behind_are_read_in_turn(clean_redis_url: str) -> None:
    log = EmbeddedLog(clean_redis_url, 8)
    reader = log.reader()
    for partition in range(8):
        await log.writer().append([Message(partition, b"k", b"v")] * 150)
        await reader.seek(partition, 0)
    read = [Counter(record.partition for record in await reader.poll(200, 1)) for _ in range(6)]
    assert read == [Counter(dict.fromkeys(some, 50)) for some in ((0, 1, 2, 3), (4, 5, 6, 7)) * 3]
    await log.close()


async def test_old_dead_letters_make_room_for_new_ones(
    embedded_log: EmbeddedLog, raw_redis: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MAX_DEAD_LETTERS", 1_000)
    await embedded_log.writer().dead_letter([DeadLetter("why", 0, number, b"k", b"v") for number in range(3_000)])
    assert 1_000 <= raw_redis.xlen(DEAD_LETTERS_KEY) <= 1_100
    assert (await embedded_log.dead_letters())[-1].offset == 2_999


async def test_the_log_survives_a_killed_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        log = EmbeddedLog(server.url, 4)
        await log.writer().append([Message(number % 4, b"k", b"%d" % number) for number in range(100)])
        process = redis_process(tmp_path)
        process.kill()
        process.wait()
        server.start()
        reader = log.reader()
        await log.writer().append([Message(3, b"k", b"after")])
        for partition in range(4):
            await reader.seek(partition, 0)
        records = await reader.poll(1_000, 1)
        await log.close()
    assert sorted(int(each.value) for each in records if each.value != b"after") == list(range(100))
    assert [each.offset for each in records if each.value == b"after"] == [25]
