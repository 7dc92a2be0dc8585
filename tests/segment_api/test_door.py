"""The door: who is turned away, with what, and that it costs nobody else anything."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from services.runtime.connection import ARRIVED
from services.runtime.http import service_app
from services.runtime.metrics import ApiMetrics
from services.runtime.redis_client import Values
from services.segment_api.app import open_app
from services.segment_api.door.admission import Admission
from services.segment_api.door.door import Door
from services.segment_api.lookups.routes import WAITS_AT_ONCE
from services.segment_api.reads import BoundedReads
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, lookup, metric, problem, server_ms

NOW_MS = 1_732_240_000_123
LOOKUP = "/v1/users/u-42/segments"
DEGRADED = {"user_id": "u-42", "known": False, "at": NOW_MS, "segments": [], "degraded": True}


class Behind:
    """What is behind the door: it answers when it is told to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.admission = Admission(60.0, 1)
        self.reached: list[str] = []
        self.is_reached, self.open = asyncio.Event(), asyncio.Event()
        self.app = service_app("behind", "", self.registry, _nothing)
        self.app.add_api_route("/{path:path}", self._answer, methods=["GET", "POST", "PUT"])
        self.app.add_middleware(Door, self.admission, ApiMetrics(self.registry), lambda: NOW_MS)

    async def _answer(self, request: Request) -> str:
        self.reached.append(request.url.path)
        self.is_reached.set()
        if "breaks" in request.url.path:
            raise RuntimeError
        await self.open.wait()
        return "served"

    def counted(self, request: str) -> float | None:
        return self.registry.get_sample_value("tranche_api_shed_total", {"request": request})


@asynccontextmanager
async def asking(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


@pytest.fixture
async def behind() -> Behind:
    return Behind()


@pytest.fixture
async def client(behind: Behind) -> AsyncIterator[httpx.AsyncClient]:
    """While as many lookups are under way as there may be."""
    async with asking(behind.app) as client:
        first = asyncio.create_task(client.get("/v1/users/u-1/segments"))
        await asyncio.wait_for(behind.is_reached.wait(), 5)
        yield client
        behind.open.set()
        assert (await first).json() == "served"


async def test_a_lookup_too_many_is_answered_as_degraded_without_any_work(
    behind: Behind, client: httpx.AsyncClient
) -> None:
    response = await client.get(LOOKUP)
    assert (response.status_code, response.json()) == (200, DEGRADED)
    assert response.headers["content-type"] == "application/json"
    assert 0 <= server_ms(response) < 1_000
    assert behind.reached == ["/v1/users/u-1/segments"]
    assert (behind.counted("lookup"), behind.counted("other")) == (1, 0)
    assert behind.registry.get_sample_value("tranche_api_lookups_total", {"outcome": "degraded"}) == 1


@pytest.mark.parametrize(
    ("query", "at_ms"),
    [
        ("at=1732240009999", 1732240009999),
        ("space=x&at=2024-11-22T01:46:40.123Z&fields=ids", 1732240000123),
        ("at=", NOW_MS),
        ("at=tomorrow", NOW_MS),
        ("at=1e999", NOW_MS),
        ("format=%22", NOW_MS),
    ],
)
async def test_the_moment_asked_for_is_told_back(client: httpx.AsyncClient, query: str, at_ms: int) -> None:
    assert (await client.get(f"{LOOKUP}?{query}")).json() == {**DEGRADED, "at": at_ms}


@pytest.mark.parametrize("user_id", ["u-1\n", 'u"42', "a@b", "\u00fc", "\\"])
async def test_whatever_the_router_takes_for_a_lookup_is_one_at_the_door(
    behind: Behind, client: httpx.AsyncClient, user_id: str
) -> None:
    """The router does not see a line break at the end of a path."""
    response = await client.get(f"/v1/users/{quote(user_id)}/segments")
    assert response.json() == {**DEGRADED, "user_id": user_id}
    response = await client.get(f"/v1/users/{quote(user_id)}/segments%0A")
    assert response.json() == {**DEGRADED, "user_id": user_id}
    assert len(behind.reached) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/status"),
        ("GET", "/v1/users/u-42/segments/vip/explain"),
        ("GET", f"{LOOKUP}?min_catalog=7"),
        ("GET", f"{LOOKUP}?at=1&min%5Fcatalog=7"),
        ("POST", LOOKUP),
        ("POST", "/v1/lookup"),
        ("PUT", "/v1/segments/vip"),
    ],
)
async def test_all_else_is_asked_to_come_again(
    behind: Behind, client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert problem(response)["detail"] == "more is asked at once than can be answered"
    assert len(behind.reached) == 1
    assert (behind.counted("lookup"), behind.counted("other")) == (0, 1)


async def test_a_connection_whose_body_is_not_read_is_closed(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/lookup", content=b'{"user_ids": []}')
    assert (response.status_code, response.headers["connection"]) == (503, "close")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_health_and_metrics_are_always_told(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def test_who_leaves_makes_room_whatever_the_end(behind: Behind) -> None:
    behind.open.set()
    async with asking(behind.app) as client:
        for _ in range(3):
            assert (await client.get("/v1/users/breaks/segments")).status_code == 500
            assert (await client.get(LOOKUP)).json() == "served"
            assert (await client.get("/v1/status")).json() == "served"
    assert behind.admission.under_way == 0


async def test_a_degraded_answer_is_the_same_at_the_door_and_behind_it(
    settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return None

    async with client_of(settings.model_copy(update={"lookup_deadline_ms": 1e-6})) as client:
        at_the_door = await client.get(LOOKUP, params={"at": NOW_MS})
        assert await metric(client, 'tranche_api_shed_total{request="lookup"}') == 1
    monkeypatch.setattr(BoundedReads, "get", nothing)
    async with client_of(settings) as client:
        behind_it = await client.get(LOOKUP, params={"at": NOW_MS})
        assert await metric(client, 'tranche_api_shed_total{request="lookup"}') == 0
    assert at_the_door.content == behind_it.content
    assert set(at_the_door.headers) == set(behind_it.headers)


async def test_the_time_that_a_lookup_waited_for_its_turn_is_part_of_its_time(
    settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_s: list[float] = []

    async def note(_: BoundedReads, rows: list[list[str]], by_s: float) -> list[Values]:
        left_s.append(by_s - time.monotonic())
        return [[None] * len(names) for names in rows]

    monkeypatch.setattr(BoundedReads, "get", note)
    async with open_app(settings) as app:

        async def late(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": {ARRIVED: time.monotonic() - waited_s}}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(late), base_url="http://api") as client:
            waited_s = 2.0
            assert 2_000 <= server_ms(await client.get(LOOKUP)) < 4_000
            assert 2 < left_s[0] <= 3  # of five seconds
            waited_s = 5.5
            too_late = await client.get(LOOKUP)
            assert too_late.json()["degraded"] is True
            assert server_ms(too_late) > 5_500
    assert len(left_s) == 1


async def test_more_lookups_at_once_than_there_is_room_for(settings: ApiSettings) -> None:
    async with client_of(settings.model_copy(update={"max_reads_in_flight": 1})) as client:
        answers = await asyncio.gather(*(lookup(client, "u-42") for _ in range(5)))
        assert await metric(client, 'tranche_api_shed_total{request="lookup"}') == 4
        assert await metric(client, "tranche_api_lookup_room") == 1
    assert sorted(answer["degraded"] for answer in answers) == [False, True, True, True, True]


async def test_lookups_that_wait_for_a_catalog_keep_nobody_out_and_are_bounded_themselves(
    settings: ApiSettings,
) -> None:
    async with client_of(settings) as client:
        params = {"min_catalog": 9_999_999_999_999}
        waits = [asyncio.create_task(client.get(LOOKUP, params=params)) for _ in range(WAITS_AT_ONCE + 5)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.1)
        assert sum(wait.done() for wait in waits) == 5  # those beyond the bound
        assert all(wait.result().headers["retry-after"] == "1" for wait in waits if wait.done())
        assert [(await lookup(client, "u-42"))["degraded"] for _ in range(20)] == [False] * 20
        assert (await client.get("/v1/segments")).status_code == 200
        assert await metric(client, 'tranche_api_shed_total{request="lookup"}') == 0
        assert {response.status_code for response in await asyncio.gather(*waits)} == {503}
        assert (await client.get(LOOKUP, params={"min_catalog": 0})).status_code == 200


async def _nothing() -> list[str]:
    return []
