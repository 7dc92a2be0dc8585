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
from services.segmentation.models.snapshots import Body
from tests.segment_api.models.trainer import CLASSES, CLUSTERS, CURVE, LIKELY, PEOPLE, SPENT, Trainer
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
RULE = "count('visit') >= 1"

Call = tuple[str, str, str, object, int]
MODEL = "/v1/models/{model_id}"
GROUPS = {**PEOPLE, "among": "base"}
"""A model that learns of a segment's users."""

CALLS: list[Call] = [
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

MODEL_CALLS: list[Call] = [
    ("PUT", MODEL, "/v1/models/new", GROUPS, 201),
    ("PUT", MODEL, "/v1/models/people", GROUPS | {"name": "N"}, 200),
    ("PUT", MODEL, "/v1/models/people", GROUPS | {"features": {"a": "count()"}}, 422),
    ("PUT", MODEL, "/v1/models/people", GROUPS | {"among": "none"}, 422),
    ("PUT", MODEL, "/v1/models/people", {"name": "N"}, 422),
    ("GET", MODEL, "/v1/models/people", None, 200),
    ("GET", MODEL, "/v1/models/spent", None, 200),
    ("GET", MODEL, "/v1/models/likely", None, 200),
    ("GET", MODEL, "/v1/models/waiting", None, 200),
    ("GET", MODEL, "/v1/models/none", None, 404),
    ("GET", "/v1/models", "/v1/models", None, 200),
    ("DELETE", MODEL, "/v1/models/people", None, 409),
    ("DELETE", MODEL, "/v1/models/spent", None, 204),
    ("DELETE", MODEL, "/v1/models/none", None, 404),
    ("DELETE", "/v1/segments/{segment_id}", "/v1/segments/base", None, 409),
    ("PUT", f"{MODEL}/snapshot", "/v1/models/people/snapshot", {"version": 1}, 200),
    ("PUT", f"{MODEL}/snapshot", "/v1/models/people/snapshot", {"version": 9}, 404),
    ("PUT", f"{MODEL}/snapshot", "/v1/models/damaged/snapshot", {"version": 1}, 409),
    ("PUT", f"{MODEL}/snapshot", "/v1/models/people/snapshot", {"version": 0}, 422),
    ("DELETE", f"{MODEL}/snapshot", "/v1/models/people/snapshot", None, 204),
    ("PUT", f"{MODEL}/clusters/{{cluster}}", "/v1/models/people/clusters/c3", {"name": "Fans"}, 200),
    ("PUT", f"{MODEL}/clusters/{{cluster}}", "/v1/models/people/clusters/c2", {"name": None}, 200),
    ("PUT", f"{MODEL}/clusters/{{cluster}}", "/v1/models/people/clusters/c9", {"name": "A"}, 404),
    ("GET", f"{MODEL}/moves", "/v1/models/people/moves", None, 200),
    ("GET", f"{MODEL}/moves", "/v1/models/spent/moves?by=m&since=2024-11-22T00:00:00Z", None, 200),
    ("GET", f"{MODEL}/moves", "/v1/models/likely/moves", None, 404),
]


@pytest.fixture
async def client(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings) as client:
        await put(client, "seen", RULE)
        await users.apply([event("visit", T, "known")])
        yield client


@pytest.fixture
async def trained(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    """A model of each shape that has learned, one that waits, and one whose snapshot cannot be read."""
    trainer = Trainer(settings)
    await put(client, "base", RULE)
    learned: list[tuple[str, dict[str, Any], Body]] = [
        ("people", GROUPS, CLUSTERS),
        ("spent", SPENT, CLASSES),
        ("likely", LIKELY, CURVE),
    ]
    for model_id, definition, body in learned:
        await client.put(f"/v1/models/{model_id}", json=definition)
        await trainer.learn(model_id, definition, 1, body)
    await client.put("/v1/models/waiting", json=LIKELY)
    await client.put("/v1/models/damaged", json=LIKELY)
    await trainer.write("damaged", 1, b"damaged")
    await trainer.publish("damaged", 1)
    await trainer.tell(backlog=5)
    await trainer.close()
    await put(client, "fans", "cluster('people') == 'c3'")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The document, once it was asked for: it is always the same, and takes longer to make than all else here."""
    return {}


@pytest.fixture
async def document(settings: ApiSettings, made: dict[str, Any]) -> dict[str, Any]:
    if not made:
        async with client_of(settings) as client:
            made.update((await client.get("/openapi.json")).json())
    return made


def schema_of(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document, with all that it may refer to."""
    return {**schema, "components": document["components"]}


@pytest.mark.parametrize("call", CALLS)
async def test_answers_are_as_documented(client: httpx.AsyncClient, document: dict[str, Any], call: Call) -> None:
    await check(client, document, *call)


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("call", MODEL_CALLS)
async def test_answers_about_models_are_too(client: httpx.AsyncClient, document: dict[str, Any], call: Call) -> None:
    await check(client, document, *call)


async def check(
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


@pytest.mark.parametrize(
    "name", ["LookupAnswer", "SegmentView", "ModelDetails", "ClusterView", "MovesAnswer", "Status"]
)
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
    assert documented == {(method, route) for method, route, *_ in CALLS + MODEL_CALLS}


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
        (MODEL, "put", PEOPLE, {**PEOPLE, "event": "purchase"}),
        (MODEL, "put", SPENT, {**SPENT, "kind": "rmf"}),
        (MODEL, "put", LIKELY, {**LIKELY, "features": {}}),
        (MODEL, "put", {**LIKELY, "kind": "lookalike", "seed": "a"}, {**LIKELY, "kind": "lookalike"}),
        (f"{MODEL}/snapshot", "put", {"version": 3}, {"version": "3"}),
        (f"{MODEL}/clusters/{{cluster}}", "put", {"name": None}, {}),
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
