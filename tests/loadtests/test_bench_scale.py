"""What a store that grows comes to: costs side by side, how far it may grow, and how long that still takes."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from loadtests.bench.progress import Progress
from loadtests.bench.scale.bounds import Bounds, resident_bytes
from loadtests.bench.scale.findings import Step, growth_table
from loadtests.bench.scale.newcomers import newcomers
from loadtests.bench.workers import partitions

STEP = Step(
    users=1_000,
    events=2_000,
    redis_bytes=700_000,
    log_bytes_an_event=600,
    worker_us=60,
    redis_us=2,
    kafka_us=5,
    worker_rss_bytes=100_000_000,
    resident_bytes=900_000_000,
    seconds=4,
    lookups_per_s=40_000,
    lookup_us=20,
    lookup_redis_us=3,
)


def test_costs_at_all_sizes_stand_side_by_side_with_the_factor_from_first_to_last() -> None:
    grown = replace(STEP, users=10_000, redis_bytes=14_000_000, worker_us=66, resident_bytes=1_800_000_000)
    table = growth_table([STEP, replace(STEP, users=2_000, redis_bytes=1_400_000), grown])
    rows = {name: rest for name, *rest in table.rows}
    assert table.headers == ["", "1,000 users", "2,000 users", "10,000 users", "growth"]
    assert rows["Redis, bytes a user"] == ["700", "700", "1,400", "2.00x"]
    assert rows["worker, us an event"] == ["60.0", "60.0", "66.0", "1.10x"]
    assert rows["events applied/s"] == ["500", "500", "500", "1.00x"]
    assert rows["all together, RSS GB"] == ["0.90", "0.90", "1.80", "2.00x"]


def test_one_size_has_not_grown() -> None:
    assert {row[-1] for row in growth_table([STEP]).rows} == {""}


def test_it_may_grow_for_so_long_and_to_so_much_memory() -> None:
    bounds = Bounds.of(minutes=1, memory_gb=12)
    assert bounds.passed(11_900_000_000) is None
    assert "12.1 GB" in str(bounds.passed(12_100_000_000))
    assert "time is up" in str(replace(bounds, until_s=time.monotonic()).passed(0))


def test_memory_is_of_all_processes_that_are_there() -> None:
    own = resident_bytes([os.getpid()])
    assert own > 10_000_000
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert resident_bytes([os.getpid(), ended.pid]) == pytest.approx(own, rel=0.2)


def test_who_is_named_and_also_the_child_of_another_is_counted_once() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert resident_bytes([os.getpid(), child.pid, os.getpid()]) == pytest.approx(
            resident_bytes([os.getpid()]), rel=0.2
        )


def test_progress_tells_how_long_it_still_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = iter((1_000.0, 1_010.0, 1_060.0, 1_600.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    shown = Progress("growing", 10_000)
    for count in (500, 500, 9_000):
        shown.add(count)
    assert capsys.readouterr().err.splitlines() == [
        "growing: 1,000 of 10,000, 9 min more",  # and nothing after ten seconds: this is no terminal
        "growing: 10,000 of 10,000, took 10 min",
    ]


def test_ten_million_users_are_never_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.bench.scale.newcomers.SOME", 500)
    batches = list(newcomers(0, 1_200, 2, now_ms=1_732_240_000_000))
    assert [len(batch) for batch in batches] == [1_000, 1_000, 400]
    assert len({event["user_id"] for batch in batches for event in batch}) == 1_200
    assert partitions.partition_of.cache_info().maxsize is not None
