"""What the answers about segments tell beside the definitions, and waiting for an edit to be known."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.runtime.http import service_app
from services.runtime.metrics import process_registry
from services.runtime.problems import ProblemError
from services.runtime.redis_client import connect
from services.segment_api.bodies import Bodies
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.segments.facts import SegmentFacts
from services.segment_api.segments.min_catalog import wait_for_catalog
from services.segment_api.segments.routes import segment_routes
from services.segment_api.settings import ApiSettings
from services.segmentation.keep import KEEP_ALL
from services.segmentation.rules import nodes
from tests.segment_api.running import client_of, problem, put

RULE = "count('visit') >= 1"


async def progress(version: int) -> float:
    return version / 10


async def covered_since(rule: nodes.Rule) -> int | None:
    """What counts visits is covered since 1, what counts purchases since 7, everything else since ever."""
    text = str(rule)
    return 7 if "buy" in text else 1 if "visit" in text else None


async def sizes(space: str) -> Mapping[int, int]:
    return {0: 40, 2: 3} if space == "default" else {0: 4}


async def details(ordinal: int, space: str) -> Mapping[str, Any]:
    return {"size_history": [{"at": 5, "size": ordinal}], "size_forecast": [{"at": 6, "size": len(space)}]}


def warnings(rule: nodes.Rule) -> Sequence[Mapping[str, str]]:
    return [{"code": "never", "message": "it is never true"}] if "visit" in str(rule) else []


FACTS = SegmentFacts(progress, covered_since, sizes, details, warnings)


@pytest.fixture
async def client(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with knowing_client(settings) as client:
        yield client


@asynccontextmanager
async def knowing_client(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    """Of the endpoints for segments, over facts that are known."""
    redis = connect(settings.redis_url, timeout_s=2)

    async def nothing() -> list[str]:
        return []

    app = service_app("t", "t", process_registry(), nothing)
    app.include_router(segment_routes(CatalogStore(redis, watched_catalog(redis)), KEEP_ALL, Bodies(), FACTS))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client
    await redis.aclose()


async def test_sizes_are_those_of_the_ordinals_in_the_space_and_null_where_the_request_decides(
    client: httpx.AsyncClient,
) -> None:
    for segment_id in ("c", "b", "a"):
        await put(client, segment_id, RULE)
    await put(client, "d", 'request("hour") > 1')
    for query, expected in (("", [40, 0, 3, None]), ("?space=shop", [4, 0, 0, None])):
        listed = (await client.get(f"/v1/segments{query}")).json()["segments"]
        assert [{each["id"]: each["size"] for each in listed}[name] for name in "cbad"] == expected
        assert [(await client.get(f"/v1/segments/{name}{query}")).json()["size"] for name in "cbad"] == expected


async def test_one_segment_tells_its_sizes_over_time(client: httpx.AsyncClient) -> None:
    await put(client, "a", RULE)
    await put(client, "b", RULE)
    one = (await client.get("/v1/segments/b")).json()
    assert (one["size_history"], one["size_forecast"]) == ([{"at": 5, "size": 1}], [{"at": 6, "size": 7}])


async def test_the_part_refreshed_is_since_the_last_edit_of_it_or_of_what_it_is_made_of(
    client: httpx.AsyncClient,
) -> None:
    await put(client, "base", RULE)
    await put(client, "made", "segment('base')")
    await put(client, "other", RULE)
    shown = {name: (await client.get(f"/v1/segments/{name}")).json()["refreshed"] for name in ("base", "made")}
    assert shown == {"base": 0.1, "made": 0.2}
    await put(client, "base", "count('visit') >= 2")
    shown = {name: (await client.get(f"/v1/segments/{name}")).json()["refreshed"] for name in ("base", "made")}
    assert shown == {"base": 0.4, "made": 0.4}


async def test_it_is_covered_since_whatever_it_is_made_of_is(client: httpx.AsyncClient) -> None:
    rules = {"one": RULE, "other": "count('buy') >= 1", "free": "tenure() > '1d'"}
    rules["both"] = "segment('other') or segment('one')"
    saved = {name: (await put(client, name, rule)).json()["covered_since"] for name, rule in rules.items()}
    assert saved == {"one": 1, "other": 7, "free": None, "both": 7}
    assert (await client.get("/v1/segments/both")).json()["covered_since"] == 7


async def test_whoever_puts_or_rolls_back_is_warned(client: httpx.AsyncClient) -> None:
    put_answer = (await put(client, "a", RULE)).json()
    assert (await put(client, "a", "tenure() > '1d'")).json()["warnings"] == []
    rolled_back = (await client.post("/v1/segments/a/rollback", params={"to": 1})).json()
    assert put_answer["warnings"] == rolled_back["warnings"] == [{"code": "never", "message": "it is never true"}]


async def test_whoever_edited_can_wait_until_another_process_knows_it(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        for number in range(3):
            version = (await put(one, "a", f"count('visit') >= {number}")).json()["version"]
            shown = await other.get("/v1/segments/a", params={"min_catalog": version})
            listed = await other.get("/v1/segments", params={"min_catalog": version})
            assert shown.json()["version"] == listed.json()["catalog_version"] == version
        deleted = await one.delete("/v1/segments/a")
        min_catalog = deleted.headers["catalog-version"]
        assert (await other.get("/v1/segments/a", params={"min_catalog": min_catalog})).status_code == 404


async def test_whoever_waits_for_a_version_that_does_not_come_is_told_to_ask_again(
    client: httpx.AsyncClient,
) -> None:
    began_s = time.monotonic()
    paths = ("/v1/segments", "/v1/segments/a")
    async with asyncio.timeout(30):
        responses = await asyncio.gather(*(client.get(path, params={"min_catalog": 1}) for path in paths))
    assert time.monotonic() - began_s > 1.9
    for response in responses:
        assert problem(response)["status"] == 503
        assert response.headers["retry-after"] == "1"
    for path in paths:
        assert problem(await client.get(path, params={"min_catalog": -1}))["status"] == 422


async def test_waiting_ends_as_soon_as_the_version_is_known(settings: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    catalog = watched_catalog(redis)
    await wait_for_catalog(catalog, None)
    await wait_for_catalog(catalog, 0)
    with pytest.raises(ProblemError, match="version 0"):
        await wait_for_catalog(catalog, 1, timeout_s=0.02)
    async with client_of(settings) as client:
        await put(client, "a", RULE)
    await catalog.refresh()
    await wait_for_catalog(catalog, 1, timeout_s=0)
    await redis.aclose()
