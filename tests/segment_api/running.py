"""An API running in this process, as its wiring makes it, and a client that speaks to it without a network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from services.runtime.problems import PROBLEM_JSON
from services.segment_api.app import open_app
from services.segment_api.settings import ApiSettings


@asynccontextmanager
async def client_of(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        open_app(settings) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
    ):
        yield client


async def put(client: httpx.AsyncClient, segment_id: str, rule: str, **more: Any) -> httpx.Response:
    return await client.put(f"/v1/segments/{segment_id}", content=orjson.dumps({"name": "A", "rule": rule, **more}))


async def lookup(client: httpx.AsyncClient, user_id: str, **params: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/users/{user_id}/segments", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def many(client: httpx.AsyncClient, user_ids: list[str], **more: Any) -> list[dict[str, Any]]:
    response = await client.post("/v1/lookup", content=orjson.dumps({"user_ids": user_ids, **more}))
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["results"]
    return answers


def problem(response: httpx.Response) -> dict[str, Any]:
    """The problem that a response is; fails where it is none."""
    assert response.headers["content-type"] == PROBLEM_JSON, response.text
    fields: dict[str, Any] = response.json()
    assert fields["status"] == response.status_code
    return fields


def server_ms(response: httpx.Response) -> float:
    """How long the server says that it took."""
    return float(response.headers["server-timing"].removeprefix("total;dur="))


async def metric(client: httpx.AsyncClient, sample: str) -> float:
    text = (await client.get("/metrics")).text
    return float(text.partition(f"\n{sample} ")[2].split()[0])


async def until(holds: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Fails with TimeoutError when something does not come to hold in time."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)
