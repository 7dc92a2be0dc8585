"""The guard in front of a service: who comes in, and what the others are told."""

import logging
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from services.runtime.access.api_keys import KeyRing, Scope, new_key
from services.runtime.access.guard import Guard
from services.runtime.problems import PROBLEM_JSON

NOW_MS = 1_000_000
KEYS = {scope: new_key(scope, [scope]) for scope in Scope}
EVERY_KEY, EVERY = new_key("all", list(Scope))
OVER_KEY, OVER = new_key("over", list(Scope), expires_ms=NOW_MS)
RING = KeyRing([*(record for _, record in KEYS.values()), EVERY, OVER])

Ask = Callable[..., Awaitable[httpx.Response]]


async def inside(scope: AsgiScope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("inside")(scope, receive, send)


@pytest.fixture
def ask() -> Ask:
    guard = Guard(inside, lambda: RING, lambda: NOW_MS)

    async def ask(
        method: str, path: str, headers: dict[str, str] | list[tuple[str, str]], body: bytes | None = None
    ) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://api") as client:
            return await client.request(method, path, headers=headers, content=body)

    return ask


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "Bearer   "])
async def test_a_good_key_comes_in_as_a_bearer(ask: Ask, name: str, scheme: str) -> None:
    response = await ask("GET", "/v1/users/u/segments", {name: scheme + KEYS[Scope.LOOKUP][0]})
    assert (response.status_code, response.text) == (200, "inside")


async def test_a_good_key_comes_in_by_the_other_header(ask: Ask) -> None:
    assert (await ask("GET", "/v1/users/u/segments", {"X-API-Key": EVERY_KEY})).text == "inside"


async def test_a_proxys_own_authorization_does_not_matter(ask: Ask) -> None:
    response = await ask("GET", "/metrics", {"Authorization": "Basic eDp5", "X-API-Key": EVERY_KEY})
    assert response.text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic eDp5")],
        [("Authorization", EVERY_KEY)],
        [("X-API-Key", "")],
        [("X-API-Key", f"Bearer {EVERY_KEY}")],
        [("X-API-Key", new_key("stranger", list(Scope))[0])],
        [("X-API-Key", OVER_KEY)],
        [("X-API-Key", f"{EVERY_KEY[:-1]}!")],
        [("X-API-Key", EVERY_KEY), ("X-API-Key", EVERY_KEY)],
        [("X-API-Key", EVERY_KEY), ("Authorization", "Bearer other")],
        [("Cookie", f"X-API-Key={EVERY_KEY}")],
    ],
)
@pytest.mark.parametrize("path", ["/v1/users/u/segments", "/metrics", "/nothing", "/openapi.json/"])
async def test_without_one_good_key_there_is_401_wherever_one_knocks(
    ask: Ask, headers: list[tuple[str, str]], path: str
) -> None:
    response = await ask("GET", path, headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == PROBLEM_JSON
    assert response.headers["www-authenticate"].startswith('Bearer realm="tranche"')
    assert response.json()["status"] == 401
    assert "tranche_" not in response.text


async def test_a_key_in_the_query_is_none(ask: Ask) -> None:
    assert (await ask("GET", f"/metrics?api_key={EVERY_KEY}&X-API-Key={EVERY_KEY}", {})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/users/u/segments", Scope.LOOKUP),
        ("POST", "/v1/lookup", Scope.LOOKUP),
        ("PUT", "/v1/segments/a", Scope.SEGMENTS),
        ("GET", "/v1/segments/a/members", Scope.SEGMENTS),
        ("GET", "/v1/users/u/segments/a/explain", Scope.SEGMENTS),
        ("GET", "/metrics", Scope.OPERATIONS),
        ("GET", "/v1/status", Scope.OPERATIONS),
    ],
)
async def test_a_key_is_good_for_its_scope_alone(ask: Ask, method: str, path: str, needed: Scope) -> None:
    for scope, (key, _) in KEYS.items():
        response = await ask(method, path, bearer(key))
        assert response.status_code == (200 if scope == needed else 403)
        if scope != needed:
            challenge = f'Bearer realm="tranche", error="insufficient_scope", scope="{needed}"'
            assert response.headers["www-authenticate"] == challenge
            assert response.headers["content-type"] == PROBLEM_JSON


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/events"), ("GET", "/openapi.json")]
)
async def test_some_doors_are_open_to_all(ask: Ask, method: str, path: str) -> None:
    assert [(await ask(method, path, headers)).text for headers in ({}, bearer("wrong"))] == ["inside"] * 2


@pytest.mark.parametrize("path", ["/nothing", "/v1/users/u", "/v1/segments/", "//metrics", "/metrics/", "/METRICS"])
async def test_what_is_not_in_the_table_is_shut_even_to_every_scope(ask: Ask, path: str) -> None:
    response = await ask("GET", path, bearer(EVERY_KEY))
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM_JSON)


async def test_another_method_is_shut_and_told_which_there_are(ask: Ask) -> None:
    response = await ask("PATCH", "/v1/segments/a", bearer(EVERY_KEY))
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, PUT")
    assert (await ask("DELETE", "/healthz", {})).status_code == 401


async def test_a_refused_body_is_not_waited_for_on_the_same_connection(ask: Ask) -> None:
    refused = await ask("POST", "/v1/lookup", {}, b"{}")
    assert (refused.status_code, refused.headers["connection"]) == (401, "close")
    assert "connection" not in (await ask("GET", "/v1/users/u/segments", {})).headers


async def test_refusals_are_logged_seldom_and_without_what_was_shown(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for key in (EVERY_KEY[:-1] + "!", OVER_KEY, KEYS[Scope.PRIVACY][0]) * 10:
            await ask("GET", "/metrics", bearer(key))
    ours = [record for record in caplog.records if record.name.startswith("services.")]
    assert len(ours) == 1
    assert ours[0].statuses == {"401": 1}  # type: ignore[attr-defined]
    assert "tranche_" not in "".join(str(record.__dict__) for record in ours)


async def test_nothing_but_http_comes_in() -> None:
    guard = Guard(inside, lambda: RING, lambda: NOW_MS)
    with pytest.raises(AssertionError):
        await guard({"type": "websocket", "path": "/healthz", "headers": []}, None, None)  # type: ignore[arg-type]
