"""Redis stalls, or goes: lookups answer within their deadline all the same, and everything is well soon after.

The deadline here is 50 ms where nothing else is said, and a stall lasts until the test ends it: nothing but the
deadline can end a lookup early.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from services.local_stack.redis_server import RedisServer
from services.runtime import watched
from services.runtime.redis_client import REDIS_ERRORS, Values, connect
from services.segment_api.door.admission import BEGIN
from services.segment_api.reads import IN_VAIN, PROBE_EVERY_S, BoundedReads
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, lookup, many, metric, problem, put, server_ms, until
from tests.segment_api.stored import StoredUsers, event
from tests.support.event_logs import Frozen, redis_process
from tests.support.servers import redis_server

T = 1_732_240_000_000
SLACK_MS = 150.0
BEYOND = T + 24 * 3_600_000 + 115 * 60_000
"""A moment that the stored membership does not reach."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def frozen(server: RedisServer, tmp_path: Path) -> Iterator[Frozen]:
    process = redis_process(tmp_path)
    yield Frozen(process)
    process.resume()  # a stopped process takes no SIGTERM


@pytest.fixture
def settings(server: RedisServer) -> ApiSettings:
    return ApiSettings(
        redis_url=server.url, partitions=8, lookup_deadline_ms=50, batch_deadline_ms=50, max_reads_in_flight=64
    )


@pytest.fixture
async def client(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[httpx.AsyncClient]:
    """With one user, in one segment that comes and goes more often than is stored."""
    async with client_of(settings) as client:
        await put(client, "odd", "count('visit', within='1d') in [0, 2, 4, 6, 8, 10]")
        await users.apply([event("visit", T + minute * 600_000) for minute in range(12)])
        assert (await lookup(client, "u-42", at=BEYOND))["degraded"] is False
        yield client


async def recovered(client: httpx.AsyncClient) -> bool:
    answer = await lookup(client, "u-42")
    return answer["known"] is True and not answer["degraded"]


async def test_a_stall_is_answered_degraded_at_the_deadline_and_passes(
    client: httpx.AsyncClient, frozen: Frozen
) -> None:
    frozen.take_away()
    for number in range(5):
        response = await client.get("/v1/users/u-42/segments")
        assert response.json() | {"at": 0} == {
            "user_id": "u-42",
            "known": False,
            "at": 0,
            "segments": [],
            "degraded": True,
        }
        assert (40 if number < IN_VAIN else 0) < server_ms(response) < 50 + SLACK_MS
    frozen.bring_back()
    await until(lambda: recovered(client), 2)


async def test_a_batch_in_a_stall_is_answered_degraded_at_its_deadline(
    client: httpx.AsyncClient, frozen: Frozen
) -> None:
    frozen.take_away()
    response = await client.post("/v1/lookup", json={"user_ids": [f"u{index}" for index in range(1_000)]})
    assert [each["degraded"] for each in response.json()["results"]] == [True] * 1_000
    assert 40 < server_ms(response) < 50 + SLACK_MS


async def test_a_read_of_two_steps_has_one_deadline(
    settings: ApiSettings, client: httpx.AsyncClient, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step takes most of the time; the second gets what is left, not as much again."""
    read, calls = BoundedReads.get, 0

    async def slow_first(self: BoundedReads, rows: list[list[str]], by_s: float) -> list[Values] | None:
        nonlocal calls
        calls += 1
        found = await read(self, rows, by_s)
        if calls == 1:
            await asyncio.sleep(0.7)
            frozen.take_away()
        return found

    monkeypatch.setattr(BoundedReads, "get", slow_first)
    async with client_of(settings.model_copy(update={"lookup_deadline_ms": 1_000})) as patient:
        response = await patient.get("/v1/users/u-42/segments", params={"at": BEYOND})
        frozen.bring_back()
    assert (calls, response.json()["degraded"]) == (2, True)
    assert server_ms(response) < 1_500  # 1,700 with as much again


async def test_few_reads_wait_for_a_silent_redis_and_none_is_left_over(
    client: httpx.AsyncClient, frozen: Frozen, caplog: pytest.LogCaptureFixture
) -> None:
    idle = len(asyncio.all_tasks())
    degraded: list[bool] = []
    frozen.take_away()
    began_s = time.monotonic()
    for _ in range(10):
        responses = await asyncio.gather(*(client.get("/v1/users/u-42/segments") for _ in range(100)))
        degraded += [response.json()["degraded"] for response in responses]
    assert degraded == [True] * 1_000
    probes = (time.monotonic() - began_s) / PROBE_EVERY_S
    assert 0 < reads_in_flight() < 2 * BEGIN + probes  # those of the first moment, and now and then one
    assert await metric(client, "tranche_api_reads_in_flight") == reads_in_flight()
    assert await metric(client, 'tranche_api_lookups_total{outcome="degraded"}') == 1_000
    frozen.bring_back()
    await until(lambda: recovered(client), 2)
    await until(none_in_flight, 2)
    gc.collect()
    assert len(asyncio.all_tasks()) <= idle
    assert "never retrieved" not in caplog.text


async def test_a_stall_drops_no_connection(client: httpx.AsyncClient, frozen: Frozen, server: RedisServer) -> None:
    await asyncio.gather(*(lookup(client, "u-42") for _ in range(32)))
    async with asyncio.timeout(10):
        before = await connections(server)
        for _ in range(5):
            frozen.take_away()
            await asyncio.gather(*(client.get("/v1/users/u-42/segments") for _ in range(32)))
            frozen.bring_back()
            await until(lambda: recovered(client), 2)
        after = await connections(server)
    assert before <= after


async def test_after_a_stall_longer_than_any_timeout_all_is_well_at_once(
    client: httpx.AsyncClient, frozen: Frozen, server: RedisServer
) -> None:
    frozen.take_away()
    for _ in range(26):
        await asyncio.gather(*(client.get("/v1/users/u-42/segments") for _ in range(100)))
        await asyncio.sleep(0.05)
    frozen.bring_back()
    await until(lambda: recovered(client), 2)
    await until(none_in_flight, 10)
    assert len(await connections(server)) <= 64 + 24  # a pool of lookups, and the few of all else


async def test_without_redis_lookups_are_degraded_and_edits_asked_to_come_again(
    client: httpx.AsyncClient, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    for _ in range(50):
        response = await client.get("/v1/users/u-42/segments")
        assert response.json()["degraded"] is True
        assert server_ms(response) < 50 + SLACK_MS
    assert (await many(client, ["u-42"]))[0]["degraded"] is True
    for refused in (
        await put(client, "x", "count('visit') >= 1"),
        await client.get("/v1/segments"),
        await client.get("/v1/segments/odd"),
        await client.delete("/v1/segments/odd"),
        await client.get("/v1/status"),
        await client.get("/readyz"),
    ):
        assert refused.status_code == 503
        problem(refused)
        assert refused.headers.get("retry-after") == "1" or refused.url.path == "/readyz"
    server.start()
    await until(lambda: recovered(client), 2)
    assert (await client.get("/readyz")).status_code == 200
    assert [each["id"] for each in (await client.get("/v1/segments")).json()["segments"]] == ["odd"]
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_what_goes_wrong_while_following_the_catalog_is_logged_once(
    client: httpx.AsyncClient, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    again = "tranche:catalog: can look again"
    failures = {f"tranche:catalog: cannot look now: {name}" for name in names_of(REDIS_ERRORS)}

    def told() -> list[str]:
        return [each.getMessage() for each in caplog.records if each.name == watched.__name__]

    async def has_failed() -> bool:
        return told() != []

    async def is_over() -> bool:
        return again in told()

    server.stop()
    await until(has_failed, 10)
    await asyncio.sleep(1)  # in which it looks again, and again
    server.start()
    await until(is_over, 10)
    await asyncio.sleep(0.5)
    *before, last = told()
    assert before
    assert last == again
    assert set(before) <= failures
    assert all(one != following for one, following in pairwise(before))  # another failure may follow: Redis loads


def names_of(errors: Iterable[type[BaseException]]) -> Iterator[str]:
    """Of the errors, and of all that are of their sort."""
    for error in errors:
        yield error.__name__
        yield from names_of(error.__subclasses__())


def reads_in_flight() -> int:
    return sum("BoundedReads._read" in str(task.get_coro()) for task in asyncio.all_tasks())


async def none_in_flight() -> bool:
    return reads_in_flight() == 0


async def connections(server: RedisServer) -> set[int]:
    """The ids of the connections to Redis, but for those of this question itself."""
    redis = connect(server.url, timeout_s=2)
    mine = await redis.client_id()
    found = {int(each["id"]) for each in await redis.client_list()} - {mine}
    await redis.aclose()
    return found
