"""The sender against a real HTTP server: order, repeats, giving up, pacing, and what is counted."""

import asyncio
import random
import time
from collections import defaultdict
from typing import Any

import httpx
import pytest

from services.replay.counts import Counts
from services.replay.delivery import Delivery, GaveUp
from services.replay.pacing import SHORTEST_WAIT_S, Pacer
from services.replay.reader import BadRow, Row
from services.replay.sender import BATCH, send
from tests.replay.stand_in import Reply, StandIn, address, bound_socket, collector


def events(number: int, users: int = 40) -> list[Row | BadRow]:
    chance = random.Random(7)
    return [
        {"event_id": f"e{index}", "user_id": f"u{chance.randrange(users)}", "type": "x", "ts": index}
        for index in range(number)
    ]


async def send_to(url: str, rows: list[Row | BadRow], pacer: Pacer | None = None, patience_s: float = 10.0) -> Counts:
    counts = Counts()
    async with httpx.AsyncClient(trust_env=False) as client:
        delivery = Delivery(client, f"{url}/v1/events", counts, patience_s)
        await send(rows, delivery, counts, pacer or Pacer())
    return counts


def by_user(rows: list[Any]) -> dict[str, list[str]]:
    order = defaultdict(list)
    for row in rows:
        order[row["user_id"]].append(row["event_id"])
    return order


def assert_all_came_in_order(stand_in: StandIn, rows: list[Row | BadRow]) -> None:
    assert by_user(stand_in.events) == by_user(rows)


async def test_every_event_arrives_once_and_each_user_s_in_order() -> None:
    rows = events(7_777)
    async with collector() as stand_in:
        counts = await send_to(stand_in.url, rows)
    assert_all_came_in_order(stand_in, rows)
    assert max(map(len, stand_in.batches)) == BATCH
    assert (counts.read, counts.accepted, counts.rejected) == (7_777, 7_777, 0)
    assert len(counts.users) == 40


async def test_a_busy_collector_gets_the_same_events_again_in_order() -> None:
    rows = events(5_000)
    async with collector() as stand_in:
        stand_in.script = [Reply(503), Reply(500, {"detail": "oops"}), Reply(429), Reply(503)]
        counts = await send_to(stand_in.url, rows)
    assert_all_came_in_order(stand_in, rows)
    assert counts.accepted == 5_000
    assert stand_in.requests == len(stand_in.batches) + 4
    assert counts.waiting_for is None


async def test_retry_after_is_honoured() -> None:
    async with collector() as stand_in:
        stand_in.script = [Reply(503, headers={"retry-after": "1"})]
        started_s = time.monotonic()
        await send_to(stand_in.url, events(1))
        assert time.monotonic() - started_s >= 1.0
    assert len(stand_in.events) == 1


async def test_a_collector_that_starts_late_is_waited_for() -> None:
    rows = events(10)
    with bound_socket() as sock:
        sending = asyncio.create_task(send_to(address(sock), rows))
        await asyncio.sleep(0.3)
        assert not sending.done()
        async with collector(sock) as stand_in:
            counts = await sending
    assert_all_came_in_order(stand_in, rows)
    assert counts.accepted == 10


async def test_a_collector_that_never_answers_is_given_up_with_the_reason() -> None:
    with bound_socket() as sock, pytest.raises(GaveUp, match=r"accepted nothing for 0 s; the last answer: .*connect"):
        await send_to(address(sock), events(10), patience_s=0.3)


async def test_a_collector_that_stays_busy_is_given_up_with_its_own_words() -> None:
    async with collector() as stand_in:
        stand_in.script = [Reply(503, {"title": "Unavailable", "detail": "the log is full"})] * 20
        with pytest.raises(GaveUp, match="the last answer: 503 the log is full"):
            await send_to(stand_in.url, events(10), patience_s=0.5)


@pytest.mark.parametrize(
    ("url", "reason"),
    [("http://127.0.0.1:x", "Invalid port"), ("127.0.0.1", "missing an 'http://'"), (None, "404 Not Found")],
)
async def test_a_wrong_address_is_told_at_once(url: str | None, reason: str) -> None:
    async with collector() as stand_in:
        started_s = time.monotonic()
        with pytest.raises(GaveUp, match=reason):
            await send_to(url or f"{stand_in.url}/elsewhere", events(2_000), patience_s=30)
    assert time.monotonic() - started_s < 5


async def test_rejections_are_counted_with_their_reasons() -> None:
    async with collector() as stand_in:
        rejected = [{"index": 0, "error": "type: bad"}, {"index": 2, "error": "type: bad"}]
        stand_in.script = [Reply(202, {"accepted": 1, "rejected": rejected})]
        partly = await send_to(stand_in.url, events(3, users=1))
        stand_in.script = [Reply(422, {"title": "Unprocessable", "detail": "not one good event"})]
        wholly = await send_to(stand_in.url, events(3, users=1))
    assert (partly.accepted, partly.rejected, dict(partly.rejections)) == (1, 2, {"type: bad": 2})
    assert (wholly.accepted, wholly.rejected, dict(wholly.rejections)) == (0, 3, {"not one good event": 3})


async def test_a_request_that_is_too_large_is_split_and_stays_in_order() -> None:
    rows = events(900, users=1)
    async with collector() as stand_in:
        stand_in.largest = 100
        counts = await send_to(stand_in.url, rows)
    assert_all_came_in_order(stand_in, rows)
    assert counts.accepted == 900


async def test_an_event_that_is_too_large_by_itself_is_rejected_and_the_others_go_on() -> None:
    async with collector() as stand_in:
        stand_in.script = [Reply(413)] * 2
        counts = await send_to(stand_in.url, events(2, users=1))
    assert [event["event_id"] for event in stand_in.events] == ["e1"]
    assert (counts.accepted, dict(counts.rejections)) == (1, {"too large": 1})


async def test_bad_rows_are_counted_and_the_first_ones_kept() -> None:
    rows = [*events(2), *(BadRow(line, "bad") for line in range(3, 1_500)), *events(3)[2:]]
    async with collector() as stand_in:
        counts = await send_to(stand_in.url, rows)
    assert (counts.read, counts.bad_rows) == (3, 1_497)
    assert [row.line for row in counts.first_bad_rows] == list(range(3, 13))


async def test_trouble_in_reading_comes_through() -> None:
    def broken() -> Any:
        yield from events(3)
        raise OSError("the disk is gone")

    async with collector() as stand_in:
        with pytest.raises(OSError, match="the disk is gone"):
            await send_to(stand_in.url, broken())


async def test_times_are_shifted_by_a_constant_and_a_missing_one_stays_missing() -> None:
    rows: list[Row | BadRow] = [
        {"event_id": "a", "user_id": "u", "type": "x", "ts": 1_000},
        {"event_id": "b", "user_id": "u", "type": "x"},
        {"event_id": "c", "user_id": "u", "type": "x", "ts": 400},
    ]
    async with collector() as stand_in:
        await send_to(stand_in.url, rows, Pacer(shift_ms=50_000))
    assert [event.get("ts") for event in stand_in.events] == [51_000, None, 50_400]


async def test_a_paced_replay_takes_the_recorded_time_divided_by_the_speed() -> None:
    rows: list[Row | BadRow] = [
        {"event_id": f"e{ts_ms}", "user_id": "u", "type": "x", "ts": ts_ms} for ts_ms in range(0, 60_001, 100)
    ]
    async with collector() as stand_in:
        started_s = time.monotonic()
        await send_to(stand_in.url, rows, Pacer(speed=100))
        assert time.monotonic() - started_s >= 0.6
    assert_all_came_in_order(stand_in, rows)
    assert 3 <= len(stand_in.batches) <= 0.6 / SHORTEST_WAIT_S + 2


async def test_events_that_are_due_are_sent_while_the_next_is_waited_for() -> None:
    rows: list[Row | BadRow] = [
        {"event_id": f"e{ts_ms}", "user_id": f"u{ts_ms}", "type": "x", "ts": ts_ms} for ts_ms in (0, 1, 60_000)
    ]
    async with collector() as stand_in:
        sending = asyncio.create_task(send_to(stand_in.url, rows, Pacer(speed=1)))
        await asyncio.sleep(0.5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert [event["event_id"] for event in stand_in.events] == ["e0", "e1"]


class TestPacer:
    def test_waiting_follows_the_clock(self) -> None:
        now_s = 10.0
        pacer = Pacer(speed=2, clock_s=lambda: now_s)
        assert pacer.wait_s(1_000_000) == 0
        assert pacer.wait_s(1_004_000) == 2
        now_s = 11.5
        assert pacer.wait_s(1_004_000) == 0.5
        now_s = 12.0
        assert pacer.wait_s(1_004_000) == 0

    def test_older_events_and_those_without_a_time_never_wait(self) -> None:
        pacer = Pacer(speed=1, clock_s=lambda: 0.0)
        assert [pacer.wait_s(ts_ms) for ts_ms in (5_000, 4_000, None)] == [0, 0, 0]

    @pytest.mark.parametrize("speed", [None, 0])
    def test_without_a_speed_nothing_waits(self, speed: float | None) -> None:
        pacer = Pacer(speed)
        assert pacer.wait_s(0) == pacer.wait_s(10**12) == 0
