"""The generator against a server that misbehaves: what it measures is what somebody outside would have waited."""

import asyncio
import os
import signal
import time
from itertools import count

import pytest

from loadtests.load.measured.figures import figures
from loadtests.load.measured.histogram import Histogram
from loadtests.load.measured.thresholds import THRESHOLDS_FILE, Verdict, judge, read_thresholds
from loadtests.load.measured.validity import reasons, verdict
from tests.loadtests.loading import good, load, loaded, plan_for
from tests.loadtests.toy_server import CLOSE, KNOWN, NOTHING, ToyServer, toy_server


@pytest.mark.alone
async def test_a_stall_of_a_second_counts_for_all_that_was_due_meanwhile() -> None:
    """With coordinated omission four requests would be slow, one for each connection, and the p99 small."""
    async with toy_server() as toy, load(plan := plan_for(toy.url, connections=4, seconds=3.0)) as (_, measured):
        await asyncio.sleep(plan.begin_s + 1.0 - time.monotonic())
        time.sleep(1.0)  # noqa: ASYNC251 - the server is on this loop
    told = measured.tallies.total("lookup")
    assert told.outcomes == {"known": 600}
    assert 950 < (told.latency.quantile_ms(0.99) or 0) < 1_300  # 3 of 100 stalled requests had less than 30 ms to go
    assert (told.latency.max_ms or 0) > 990
    assert 80 < _slower_than(told.latency, 500) < 160  # those due in the first half of the stall
    by_second = [measured.tallies.total("lookup", second, second + 1) for second in range(3)]
    assert [each.outcomes["known"] for each in by_second] == [200, 200, 200]  # in the second in which they were due
    assert (by_second[0].latency.quantile_ms(0.9) or 0) < 200
    assert (told.late.quantile_ms(0.99) or 0) < 50  # and it was not the generator


@pytest.mark.alone
async def test_a_generator_that_is_held_up_makes_the_run_invalid() -> None:
    async with toy_server() as toy, load(plan := plan_for(toy.url)) as (child, measured):
        await asyncio.sleep(plan.begin_s + 0.5 - time.monotonic())
        os.kill(child.pid, signal.SIGSTOP)
        await asyncio.sleep(0.3)
        os.kill(child.pid, signal.SIGCONT)
    told = figures(measured)
    assert measured.tallies.total("lookup").due == 200  # what was due meanwhile is caught up with
    assert told["generator.late_max_ms"] > 250
    judged = judge([each for each in read_thresholds(THRESHOLDS_FILE) if "generator" in each.figure], told)
    why = reasons(told, judged, 60.0, [])
    assert verdict(judged, why) is Verdict.INVALID
    assert "THE LOAD GENERATOR WAS THE BOTTLENECK" in why[0]


async def test_ends_when_it_is_told_to_and_tells_what_it_measured() -> None:
    async with toy_server() as toy, load(plan := plan_for(toy.url, seconds=60.0)) as (child, measured):
        await asyncio.sleep(plan.begin_s + 1.2 - time.monotonic())
        child.stop()
        told_s = time.monotonic()
    assert time.monotonic() - told_s < 1.5
    assert 200 < good(measured) == len(toy.lines) < 300


async def test_processes_share_the_very_same_requests() -> None:
    async def lines(processes: int) -> list[str]:
        async with toy_server() as toy:
            plans = [plan_for(toy.url, process=number, processes=processes) for number in range(processes)]
            await asyncio.gather(*map(loaded, plans))
        return sorted(toy.lines)

    alone, shared = await lines(1), await lines(3)
    assert len(alone) == 200
    assert alone == shared


@pytest.mark.alone
async def test_sends_at_its_rate_and_times_a_quick_server_as_quick() -> None:
    async with toy_server() as toy:
        measured = await loaded(plan_for(toy.url, seconds=2.0))
    told = measured.tallies.total("lookup")
    assert [measured.tallies.total("lookup", second, second + 1).due for second in (0, 1)] == [200, 200]
    assert told.outcomes == {"known": 400}
    assert (told.latency.quantile_ms(0.5) or 0) < 10


async def test_what_is_never_answered_counts_as_long_as_it_was_waited_for() -> None:
    async with toy_server(lambda _: (200, NOTHING)) as toy:
        measured = await loaded(plan_for(toy.url, timeout_s=0.4, seconds=0.5))
    told = measured.tallies.total("lookup")
    assert told.outcomes == {"timeout": 100}
    assert 400 <= (told.latency.quantile_ms(0.01) or 0) <= (told.latency.max_ms or 0) < 900


async def test_a_connection_that_the_server_closed_while_it_was_idle_is_no_error() -> None:
    async with toy_server() as toy:
        hanging_up = asyncio.create_task(_hang_up_often(toy))
        measured = await loaded(plan_for(toy.url))
        hanging_up.cancel()
    assert measured.tallies.total("lookup").outcomes == {"known": 200}


async def test_what_becomes_of_requests_is_counted_by_kind() -> None:
    numbers = count()
    async with toy_server(lambda _: _TABLE[next(numbers) % len(_TABLE)]) as toy:
        measured = await loaded(plan_for(toy.url))
    outcomes, told = measured.tallies.total("lookup").outcomes, figures(measured)
    assert outcomes == {"known": 40, "degraded": 40, "shed": 40, "status 500": 40, "lost": 40}
    assert (told["lookup.errors"], told["lookup.degraded"], told["lookup.shed"]) == (0.4, 0.2, 0.2)
    assert measured.tallies.total("lookup").latency.total == 80  # a refusal is quick, and would flatter


async def test_nobody_there_is_an_error_for_each_request() -> None:
    async with toy_server() as toy:
        url = toy.url
    measured = await loaded(plan_for(url, seconds=0.5))
    assert measured.tallies.total("lookup").outcomes == {"refused": 100}
    assert figures(measured)["lookup.errors"] == 1


_TABLE = (
    (200, KNOWN),
    (200, b'{"known":false,"segments":[],"degraded":true}'),
    (503, b"{}"),
    (500, b"{}"),
    (200, CLOSE),
)


async def _hang_up_often(toy: ToyServer) -> None:
    while True:
        await asyncio.sleep(0.1)
        toy.hang_up()


def _slower_than(latency: Histogram, limit_ms: int) -> int:
    other = Histogram()
    other.record_us(limit_ms * 1000)
    return sum(times for bucket, times in latency.counts.items() if bucket >= min(other.counts))
