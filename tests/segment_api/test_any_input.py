"""Whatever is sent, the API answers, and never with an error of its own."""

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event

quickly = hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
PIECES = (
    *("count", "sum", "since", "trait", "last", "segment", "tenure", "share", "(", ")", "[", "]", "{", "}", ",", "="),
    *("'visit'", '"1h"', "'\\ud800'", "within", "where", "not", "and", "or", "in", "<", ">=", "==", "is", "lambda"),
    *("1", "-1", "1e400", "0x", "9" * 5_000, "True", "None", "x", ":", "\n", "\t", "\\", "#", "\0", "é", "~", "f'{x}'"),
)
rules = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)


def body_with(**members: st.SearchStrategy[object]) -> st.SearchStrategy[bytes]:
    """Bodies that have some of these members, some with any value, and perhaps others; and bytes of any sort."""
    likely = {name: values | json_values for name, values in members.items()}
    shaped = st.fixed_dictionaries({}, optional=likely) | st.dictionaries(st.text(), json_values)
    return st.binary() | (shaped | json_values).map(lambda value: json.dumps(value).encode())


segments = body_with(
    name=st.just("A"),
    rule=rules,
    purposes=st.lists(st.integers(0, 64)),
    taxonomy=st.dictionaries(st.text(), st.lists(st.text())),
)
lookups = body_with(
    user_ids=st.lists(st.text() | st.just("u-42")),
    at=st.integers() | st.datetimes().map(str) | st.text(),
    space=st.text(),
    fields=st.sampled_from(["ids", "all"]),
)


@pytest.fixture
async def client(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings) as client:
        await put(client, "visitors", "count('visit', within='1d') in [1, 3, 5, 7, 9]")
        await users.apply([event("visit", index * 1_000) for index in range(10)])
        yield client


@quickly
@given(body=segments)
async def test_any_segment(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.put("/v1/segments/any", content=body)
    assert response.status_code in {200, 201, 422}, response.text
    if response.is_success:
        assert (await client.get("/v1/segments/any")).json() == response.json()


@quickly
@given(rule=rules)
async def test_any_rule(client: httpx.AsyncClient, rule: str) -> None:
    body = json.dumps({"name": "A", "rule": rule}).encode()
    response = await client.put("/v1/segments/any", content=body)
    assert response.status_code in {200, 201, 422}, response.text


@quickly
@given(body=lookups)
async def test_any_batch(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/lookup", content=body)
    assert response.status_code in {200, 422}, response.text


@quickly
@given(user_id=st.text(min_size=1).map(lambda text: quote(text.encode("utf-8", "replace"), safe="")))
async def test_any_user(client: httpx.AsyncClient, user_id: str) -> None:
    response = await client.get(f"/v1/users/{user_id}/segments")
    assert response.status_code in {200, 404, 422}, response.text


@quickly
@given(path=st.lists(st.sampled_from(["v1", "users", "segments", "lookup"]) | st.binary().map(quote)).map("/".join))
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_any_path(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, f"http://api/{path}")
    assert response.status_code < 500, response.text


@quickly
@given(
    query=st.lists(
        st.tuples(
            st.sampled_from(["at", "space", "fields", "request.device.type"]) | st.text(),
            st.text() | st.integers().map(str) | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
        )
    )
)
async def test_any_query(client: httpx.AsyncClient, query: list[tuple[str, str]]) -> None:
    pairs = [tuple(quote(text.encode("utf-8", "replace")) for text in pair) for pair in query]
    response = await client.get("/v1/users/u-42/segments?" + "&".join(map("=".join, pairs)))
    assert response.status_code in {200, 400, 422}, response.text


@quickly
@given(query=st.binary().map(lambda data: quote(data, safe="&=+%;/")))
async def test_any_bytes_as_query(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/v1/users/u-42/segments?{query}")
    assert response.status_code in {200, 400, 422}, response.text
