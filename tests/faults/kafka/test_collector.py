"""The collector keeps its word while brokers fall silent: what it answered 202 is in the log, and it answers at once.

TRANCHE_TEST_LONG=1 takes the log away for five minutes instead of three seconds.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.behaviour.conftest import kafka_env
from tests.faults.kafka.collecting import Collector, collector, ids_in_the_log
from tests.support.event_logs import Frozen, listener_on

pytestmark = pytest.mark.timeout(900)

LONG = bool(os.environ.get("TRANCHE_TEST_LONG"))
OUTAGE_S = 300.0 if LONG else 3.0
APPEND_TIMEOUT_S = 5 if LONG else 2
NOTICED_WITHIN_S = 1.5
ANSWERED_WITHIN_S = 0.5  # far from any timeout; 5 ms where the machine has nothing else to do
BACK_WITHIN_S = 30.0
STOPPED_WITHIN_S = 10.0
MOST_BYTES = 50_000_000
PARTITIONS = 8


@pytest.fixture
def env(kafka_bootstrap: str) -> dict[str, str]:
    own = {"TRANCHE_PARTITIONS": str(PARTITIONS), "TRANCHE_APPEND_TIMEOUT_S": str(APPEND_TIMEOUT_S)}
    return own | kafka_env(kafka_bootstrap)


@pytest.fixture
def collecting(tmp_path: Path, env: dict[str, str]) -> Iterator[Collector]:
    with collector(tmp_path, env) as started:
        yield started


@pytest.fixture
def broker(kafka_bootstrap: str) -> Iterator[Frozen]:
    """The one broker: frozen, it takes connections and bytes and never answers."""
    server = Frozen(listener_on(int(kafka_bootstrap.rpartition(":")[2])))
    yield server
    server.bring_back()


async def test_without_the_log_events_are_refused_at_once_and_none_that_was_taken_is_lost(
    collecting: Collector, broker: Frozen, env: dict[str, str]
) -> None:
    await collecting.load(1)
    assert collecting.answers[-1].status == 202
    most_bytes, gone_s = collecting.most_bytes, time.monotonic()
    broker.take_away()
    await collecting.load(OUTAGE_S)
    grown_bytes = collecting.most_bytes - most_bytes
    broker.bring_back()
    back_s = time.monotonic()
    while collecting.answers[-1].status != 202:
        assert time.monotonic() < back_s + BACK_WITHIN_S
        await collecting.load(0.5)

    told = [each for each in collecting.answers if gone_s + NOTICED_WITHIN_S < each.sent_s < gone_s + OUTAGE_S]
    took_s = median(each.took_s for each in told)
    print(f"{len(told)} refused in {took_s * 1000:.0f} ms (median); grown by {grown_bytes / 1e6:.0f} MB")  # noqa: T201
    assert {(each.status, each.retry_after) for each in told} == {(503, "1")}
    assert took_s < ANSWERED_WITHIN_S
    assert grown_bytes < MOST_BYTES
    held = await ids_in_the_log(env["TRANCHE_KAFKA_BOOTSTRAP"], env["TRANCHE_KAFKA_TOPIC"], PARTITIONS)
    assert collecting.taken() - held == set()


async def test_it_stops_in_time_while_the_log_is_silent_and_requests_wait(
    collecting: Collector, broker: Frozen
) -> None:
    await collecting.load(0.5)
    broker.take_away()
    loading = asyncio.create_task(collecting.load(0.5))
    await asyncio.sleep(0.3)
    collecting.process.terminate()
    asked_s = time.monotonic()
    await loading
    collecting.process.wait(STOPPED_WITHIN_S - (time.monotonic() - asked_s))
