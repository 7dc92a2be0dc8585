"""The OpenAPI document is complete, and true: real answers fit what it says of them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema
import pytest

from services.runtime.problems import PROBLEM_JSON
from services.segment_api.settings import ApiSettings
from services.segmentation.events import SPACE_PATTERN, USER_ID_PATTERN
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
RULE = "count('visit') >= 1"

CALLS: list[tuple[str, str, str, object, int]] = [
    ("GET", "/v1/users/{user_id}/segments", "/v1/users/known/segments", None, 200),
    ("GET", "/v1/users/{user_id}/segments", "/v1/users/known/segments?fields=ids", None, 200),
    ("GET", "/v1/users/{user_id}/segments", "/v1/users/unknown/segments", None, 200),
    ("GET", "/v1/users/{user_id}/segments", "/v1/users/known/segments?at=1", None, 400),
    ("GET", "/v1/users/{user_id}/segments", "/v1/users/known/segments?at=x", None, 422),
    ("POST", "/v1/lookup", "/v1/lookup", {"user_ids": ["known", "unknown"]}, 200),
    ("POST", "/v1/lookup", "/v1/lookup", {"user_ids": ["known"], "at": 1}, 200),
    ("POST", "/v1/lookup", "/v1/lookup", {"user_ids": 1}, 422),
    ("PUT", "/v1/segments/{segment_id}", "/v1/segments/new", {"name": "N", "rule": RULE}, 201),
    ("PUT", "/v1/segments/{segment_id}", "/v1/segments/seen", {"name": "N", "rule": RULE}, 200),
    ("PUT", "/v1/segments/{segment_id}", "/v1/segments/seen", {"name": "N", "rule": "x"}, 422),
    ("PUT", "/v1/segments/{segment_id}", "/v1/segments/seen", {"name": "N"}, 422),
    ("GET", "/v1/segments/{segment_id}", "/v1/segments/seen", None, 200),
    ("GET", "/v1/segments/{segment_id}", "/v1/segments/none", None, 404),
    ("GET", "/v1/segments", "/v1/segments", None, 200),
    ("DELETE", "/v1/segments/{segment_id}", "/v1/segments/seen", None, 204),
    ("DELETE", "/v1/segments/{segment_id}", "/v1/segments/none", None, 404),
    ("GET", "/v1/segments/{segment_id}/history", "/v1/segments/seen/history", None, 200),
    ("GET", "/v1/segments/{segment_id}/history", "/v1/segments/none/history", None, 404),
    ("POST", "/v1/segments/{segment_id}/rollback", "/v1/segments/seen/rollback?to=1", None, 200),
    ("POST", "/v1/segments/{segment_id}/rollback", "/v1/segments/seen/rollback?to=99", None, 404),
    ("POST", "/v1/segments/{segment_id}/rollback", "/v1/segments/seen/rollback", None, 422),
    ("POST", "/v1/segments/preview", "/v1/segments/preview", {"rule": RULE}, 200),
    ("POST", "/v1/segments/preview", "/v1/segments/preview", {"rule": "x"}, 422),
    ("GET", "/v1/segments/{segment_id}/members", "/v1/segments/none/members", None, 404),
    ("GET", "/v1/users/{user_id}/segments/{segment_id}/explain", "/v1/users/known/segments/seen/explain", None, 200),
    ("GET", "/v1/users/{user_id}/segments/{segment_id}/explain", "/v1/users/none/segments/seen/explain", None, 200),
    ("GET", "/v1/users/{user_id}/segments/{segment_id}/explain", "/v1/users/known/segments/none/explain", None, 404),
    ("GET", "/v1/lists", "/v1/lists", None, 200),
    ("GET", "/v1/lists/{list_id}", "/v1/lists/none", None, 404),
    ("DELETE", "/v1/lists/{list_id}", "/v1/lists/none", None, 404),
    ("POST", "/v1/lists/{list_id}/members", "/v1/lists/vip/members", ["u1", "u2"], 202),
    ("POST", "/v1/lists/{list_id}/members", "/v1/lists/vip/members", ["a@b"], 422),
    ("POST", "/v1/lists/{list_id}/members/remove", "/v1/lists/vip/members/remove", ["u1"], 202),
    ("GET", "/v1/status", "/v1/status", None, 200),
    ("GET", "/healthz", "/healthz", None, 200),
    ("GET", "/readyz", "/readyz", None, 200),
    ("GET", "/metrics", "/metrics", None, 200),
]


@pytest.fixture
async def client(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings) as client:
        await put(client, "seen", RULE)
        await users.apply([event("visit", T, "known")])
        yield client


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    content: dict[str, Any] = (await client.get("/openapi.json")).json()
    return content


def schema_of(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document, with all that it may refer to."""
    return {**schema, "components": document["components"]}


@pytest.mark.parametrize(("method", "route", "url", "body", "status"), CALLS)
async def test_answers_are_as_documented(
    client: httpx.AsyncClient, document: dict[str, Any], method: str, route: str, url: str, body: object, status: int
) -> None:
    response = await client.request(method, url, **({} if body is None else {"json": body}))  # type: ignore[arg-type]
    assert response.status_code == status
    responses = document["paths"][route][method.lower()]["responses"]
    documented = responses.get(str(status), responses["default"])
    assert {name.lower() for name in documented.get("headers", {})} <= {name.lower() for name in response.headers}
    if status == 204:
        assert "content" not in documented
        return
    schema = documented["content"][response.headers["content-type"].partition(";")[0]]["schema"]
    content = response.text if url == "/metrics" else response.json()
    jsonschema.validate(content, schema_of(document, schema))


@pytest.mark.parametrize("name", ["LookupAnswer", "SegmentView", "Status"])
async def test_answers_have_no_member_that_is_not_documented(document: dict[str, Any], name: str) -> None:
    """So that the check above sees what it should: the schemas list every member."""
    assert document["components"]["schemas"][name]["properties"]


async def test_a_lookup_answers_with_the_documented_members(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    documented = set(document["components"]["schemas"]["LookupAnswer"]["properties"])
    assert set((await client.get("/v1/users/known/segments")).json()) == documented - {"error"}
    refused = (await client.post("/v1/lookup", json={"user_ids": ["known"], "at": 1})).json()["results"][0]
    assert set(refused) == documented


async def test_every_route_is_documented_and_called_here(document: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented == {(method, route) for method, route, *_ in CALLS}


async def test_every_operation_tells_what_it_is_for_and_that_errors_are_problems(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            assert PROBLEM_JSON in operation["responses"]["default"]["content"], (method, path)


async def test_parameters_are_documented_with_their_patterns(document: dict[str, Any]) -> None:
    described = document["paths"]["/v1/users/{user_id}/segments"]["get"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in described}
    assert set(schemas) == {"user_id", "at", "space", "fields", "min_catalog"}
    assert schemas["user_id"]["pattern"] == USER_ID_PATTERN
    assert schemas["space"]["pattern"] == SPACE_PATTERN
    validator = jsonschema.Draft202012Validator(schemas["at"])
    assert [validator.is_valid(moment) for moment in (T, "2024-11-22T01:46:40Z", -1, 1.5)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("path", "method", "good", "bad"),
    [
        ("/v1/lookup", "post", {"user_ids": ["u"], "at": "2024-11-22T01:46:40Z"}, {"user_ids": ["@"]}),
        ("/v1/lookup", "post", {"user_ids": []}, {"user_ids": ["u"] * 1_001}),
        ("/v1/lookup", "post", {"user_ids": [], "fields": "ids", "space": "a"}, {"user_ids": [], "more": 1}),
        ("/v1/segments/{segment_id}", "put", {"name": "A", "rule": RULE}, {"name": "A"}),
        ("/v1/segments/{segment_id}", "put", {"name": "A", "rule": RULE}, {"name": "A", "rule": RULE, "more": 1}),
    ],
)
async def test_bodies_are_documented_as_they_are_checked(
    document: dict[str, Any], path: str, method: str, good: object, bad: object
) -> None:
    body = document["paths"][path][method]["requestBody"]
    assert body["required"] is True
    validator = jsonschema.Draft202012Validator(schema_of(document, body["content"]["application/json"]["schema"]))
    assert (validator.is_valid(good), validator.is_valid(bad)) == (True, False)


async def test_every_reference_in_the_document_leads_somewhere(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json")
    for reference in set(re.findall(r'"\$ref":"([^"]+)"', response.text)):
        place: Any = response.json()
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
