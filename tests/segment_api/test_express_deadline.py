"""The express while Redis stalls, is gone or has just been started: answers in time, and soon all is well."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from services.local_stack.redis_server import RedisServer
from services.runtime.redis_link import Link
from services.segment_api.app import open_app
from services.segment_api.express.lookups import LookupExpress
from services.segment_api.express.pending import Pending
from services.segment_api.reads import IN_VAIN
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event
from tests.support.event_logs import Frozen, redis_process
from tests.support.raw_http import exchange, listening
from tests.support.servers import redis_server

T = 1_732_240_000_000
SLACK_MS = 150.0
REQUEST = b"GET /v1/users/u-42/segments HTTP/1.1\r\nhost: x\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def frozen(server: RedisServer, tmp_path: Path) -> Iterator[Frozen]:
    frozen = Frozen(redis_process(tmp_path))
    yield frozen
    frozen.bring_back()


@pytest.fixture
def settings(server: RedisServer) -> ApiSettings:
    return ApiSettings(redis_url=server.url, partitions=8, lookup_deadline_ms=50, max_reads_in_flight=64)


@pytest.fixture
async def port(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[int]:
    async with client_of(settings) as client:
        await put(client, "visitors", "count('visit') >= 1")
        await users.apply([event("visit", T)])
    async with open_app(settings) as app, listening(app, app.express) as port:
        yield port


async def asked(port: int) -> tuple[bool, float]:
    """Whether a lookup is degraded, and what the server took for it, in milliseconds."""
    ((head, body),) = [answer.split(b"\r\n\r\n") for answer in await exchange(port, REQUEST)]
    told = re.search(rb"total;dur=([\d.]+)", head)
    assert told
    answer = orjson.loads(body)
    assert answer["known"] is not answer["degraded"]
    return answer["degraded"], float(told[1])


async def metric(port: int, sample: str) -> float:
    (answer,) = await exchange(port, METRICS)
    return float(answer.decode().partition(f"\n{sample} ")[2].split()[0])


async def until_answered(port: int) -> None:
    async with asyncio.timeout(2):
        while (await asked(port))[0]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_the_first_lookup_after_a_start_finds_its_connection(
    settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Link] = []
    connect = Link.connect

    async def noted(self: Link) -> None:
        await connect(self)
        connected.append(self)

    monkeypatch.setattr(Link, "connect", noted)
    async with open_app(settings) as app, listening(app, app.express) as port:
        assert len(connected) == 1
        await exchange(port, REQUEST)
        assert len(connected) == 1


async def test_a_stall_is_answered_degraded_at_the_deadline_and_passes(port: int, frozen: Frozen) -> None:
    frozen.take_away()
    for number in range(IN_VAIN + 3):
        degraded, took_ms = await asked(port)
        assert degraded
        assert (40 if number < IN_VAIN else 0) < took_ms < 50 + SLACK_MS
    frozen.bring_back()
    await until_answered(port)


async def test_few_reads_wait_for_a_silent_redis_and_all_are_counted(port: int, frozen: Frozen) -> None:
    frozen.take_away()
    for _ in range(5):
        assert {degraded for degraded, _ in await asyncio.gather(*(asked(port) for _ in range(80)))} == {True}
    assert 0 < await metric(port, "tranche_api_reads_in_flight") <= 64
    assert await metric(port, 'tranche_api_lookups_total{outcome="degraded"}') == 400
    frozen.bring_back()
    await until_answered(port)
    assert await metric(port, "tranche_api_reads_in_flight") == 0


async def test_without_redis_answers_are_degraded_at_once_and_right_again_soon_after(
    port: int, server: RedisServer
) -> None:
    server.stop()
    began_s = time.monotonic()
    assert {degraded for degraded, _ in [await asked(port) for _ in range(30)]} == {True}
    assert time.monotonic() - began_s < 3
    server.start()
    await until_answered(port)


async def test_a_lookup_that_evaluates_has_one_deadline(
    port: int, settings: ApiSettings, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The membership is too old, so the profile is read after it; Redis stalls in between."""
    async with client_of(settings) as client:
        await put(client, "others", "count('visit') >= 2")
    async with asyncio.timeout(10):
        while not await metric(port, "tranche_api_profiles_evaluated_total"):
            await asked(port)
    read_all = LookupExpress._read_all

    def stalled(self: LookupExpress, pending: Pending) -> None:
        frozen.take_away()
        read_all(self, pending)

    monkeypatch.setattr(LookupExpress, "_read_all", stalled)
    degraded, took_ms = await asked(port)
    assert degraded
    assert 40 < took_ms < 50 + SLACK_MS
    frozen.bring_back()
    monkeypatch.undo()
    await until_answered(port)
    assert await metric(port, "tranche_api_reads_in_flight") == 0
