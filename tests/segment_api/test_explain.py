"""What the API explains of a user and a segment, over what a worker has stored."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.segment_api.explain.routes import DEADLINE_S
from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, lookup, problem, put
from tests.segment_api.stored import StoredUsers, event
from tests.support.event_logs import Frozen, redis_process
from tests.support.servers import redis_server

T = 1_732_240_000_000
HOUR = 3_600_000
CART = "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0"


async def explained(client: httpx.AsyncClient, segment_id: str, user_id: str = "u-42", **params: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/users/{user_id}/segments/{segment_id}/explain", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_the_whole_answer(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    await users.apply([event("add_to_cart", T)])
    leaf = {"kind": "leaf", "holds": True, "value_text": "1", "value": 1}
    assert await explained(client, "cart", at=T + 5) == {
        "user_id": "u-42",
        "segment": "cart",
        "name": "A",
        "status": "live",
        "known": True,
        "at": T + 5,
        "catalog_version": 1,
        "in_segment": True,
        "served": True,
        "not_served_because": [],
        "since": T,
        "until": T + HOUR,
        "covered_since": None,
        "sentence": 'In "A" since 2024-11-22 01:46:40 UTC, until 02:46:40 UTC unless something happens: has 1 '
        "add_to_cart in the last hour (at least 1 asked) and 0 purchase in the last hour (0 asked).",
        "tree": {
            "kind": "and",
            "text": CART,
            "holds": True,
            "changes_at": T + HOUR,
            "children": [
                {
                    **leaf,
                    "text": "count('add_to_cart', within='1h') >= 1",
                    "changes_at": T + HOUR,
                    "term": "count('add_to_cart', within='1h')",
                    "operator": ">=",
                    "threshold": 1,
                    "threshold_text": "at least 1",
                    "sooner": None,
                },
                {
                    **leaf,
                    "text": "count('purchase', within='1h') == 0",
                    "changes_at": None,
                    "term": "count('purchase', within='1h')",
                    "operator": "==",
                    "value": 0,
                    "value_text": "0",
                    "threshold": 0,
                    "threshold_text": "0",
                    "sooner": {"text": "a purchase", "change": {"event": "purchase", "where": {}, "times": 1}},
                },
            ],
        },
    }


async def test_since_and_until_are_those_of_the_lookup(client: httpx.AsyncClient, users: StoredUsers) -> None:
    """Since the first event that made it true, which the stored membership alone knows."""
    await put(client, "cart", CART)
    await users.apply([event("add_to_cart", T)])
    await users.apply([event("add_to_cart", T + 60_000)])
    told = await explained(client, "cart", at=T + HOUR)
    (span,) = (await lookup(client, "u-42", at=T + HOUR))["segments"]
    assert (told["since"], told["until"]) == (T, T + HOUR + 60_000) == (span["since"], span["until"])
    gone = await explained(client, "cart", at=T + 2 * HOUR)
    assert (gone["in_segment"], gone["since"], gone["until"]) == (False, None, None)


async def test_what_the_request_tells_is_judged_and_shown(client: httpx.AsyncClient, users: StoredUsers) -> None:
    rule = "request('device.type') == 'mobile' and request('hour') in [2, 3] and request('floor') >= 3"
    await put(client, "there", rule)
    await users.apply([event("visit", T, context={"timezone": "Europe/Paris"})])
    request = {"request.device.type": "mobile", "request.floor": "4"}
    told = await explained(client, "there", at=T, **request)
    assert (told["in_segment"], told["until"]) == (True, None)
    leaves = {leaf["term"]: leaf for leaf in told["tree"]["children"]}
    assert {term: leaf["value"] for term, leaf in leaves.items()} == {
        "request('device.type')": "mobile",
        "request('hour')": 2,
        "request('floor')": 4,
    }
    elsewhere = await explained(client, "there", at=T, **request, **{"request.timezone": "UTC"})
    assert [leaf["holds"] for leaf in elsewhere["tree"]["children"]] == [True, False, True]
    assert elsewhere["tree"]["children"][1]["sooner"]["change"] == {
        "request": "hour",
        "operator": "in",
        "value": [2, 3],
    }


async def test_a_composition_nests_the_other_tree(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    await put(client, "hesitant", "segment('cart') and not listed('staff')")
    await users.apply([event("add_to_cart", T)])
    first, second = (await explained(client, "hesitant", at=T))["tree"]["children"]
    assert (first["kind"], first["segment"], first["name"], first["holds"]) == ("segment", "cart", "A", True)
    assert [child["text"] for child in first["children"]] == [CART]
    assert second["children"][0]["sooner"]["change"] == {"list": "staff", "listed": True}


async def test_a_draft_is_explained_and_said_to_be_one(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "idea", "count('visit') >= 1", status="draft", purposes=[3])
    await users.apply([event("visit", T, purposes=frozenset({1}))])
    told = await explained(client, "idea", at=T)
    assert (told["status"], told["in_segment"], told["served"]) == ("draft", True, False)
    assert told["not_served_because"] == ["draft", "consent"]


async def test_an_operator_can_require_consent(settings: ApiSettings, users: StoredUsers) -> None:
    async with client_of(settings.model_copy(update={"consent_required": True})) as client:
        await put(client, "visitors", "count('visit') >= 1")
        await users.apply([event("visit", T)])
        assert (await explained(client, "visitors", at=T))["not_served_because"] == ["consent"]


async def test_a_stranger_is_explained_with_nothing_known(client: httpx.AsyncClient) -> None:
    await put(client, "new", "count('x') == 0")
    told = await explained(client, "new", at=T)
    assert (told["known"], told["in_segment"], told["served"]) == (False, True, False)
    assert told["not_served_because"] == ["unknown-user"]
    assert (await lookup(client, "u-42", at=T))["segments"] == []


async def test_spaces_have_their_own_users_and_clocks(settings: ApiSettings, users: StoredUsers) -> None:
    zones = settings.model_copy(update={"time_zones": "UTC shop=Europe/Paris"})
    async with client_of(zones) as client:
        await put(client, "visitors", "count('visit') >= 1")
        await users.apply([event("visit", T, space="shop")])
        told = await explained(client, "visitors", at=T, space="shop")
        assert told["sentence"].startswith('In "A" since 2024-11-22 02:46:40 CET')
        assert (await explained(client, "visitors", at=T))["known"] is False


async def test_it_is_about_now_unless_a_moment_is_named(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "visitors", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    assert (await explained(client, "visitors"))["at"] > T
    assert (await explained(client, "visitors", at="2024-11-22T01:46:41Z"))["at"] == T + 1_000


async def test_what_it_cannot_explain_is_a_problem(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "visitors", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    asked: dict[int, tuple[str, dict[str, Any]]] = {
        404: ("none/explain", {}),
        400: ("visitors/explain", {"at": T - 1}),
        422: ("visitors/explain", {"at": "secret-1"}),
    }
    for status, (path, params) in asked.items():
        response = await client.get(f"/v1/users/u-42/segments/{path}", params=params)
        assert response.status_code == status
        assert "u-42" not in str(problem(response))
        assert "secret-1" not in response.text


@pytest.mark.parametrize("damaged", [{"profile": b"\xc1"}, {"membership": b"\xc1"}])
async def test_state_that_cannot_be_read_is_a_503(
    client: httpx.AsyncClient, users: StoredUsers, damaged: dict[str, bytes]
) -> None:
    await put(client, "visitors", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    await users.damage("u-42", **damaged)
    response = await client.get("/v1/users/u-42/segments/visitors/explain")
    assert response.status_code == 503
    assert problem(response)["detail"]


async def test_without_redis_it_is_a_503_in_time(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        frozen = Frozen(redis_process(tmp_path))
        async with client_of(ApiSettings(redis_url=server.url, partitions=8)) as client:
            await put(client, "visitors", "count('visit') >= 1")
            frozen.take_away()
            try:
                async with asyncio.timeout(2 * DEADLINE_S):
                    response = await client.get("/v1/users/u-42/segments/visitors/explain")
            finally:
                frozen.bring_back()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    problem(response)
