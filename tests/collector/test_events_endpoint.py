"""POST /v1/events as clients meet it: every answer, and never a 202 for an event that the log has not got."""

import asyncio
import gc
import gzip
import re
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from services.collector.app import create_app
from services.collector.contract import event_schema
from services.collector.settings import CollectorSettings
from services.runtime.problems import PROBLEM_JSON
from tests.collector.examples import NOW_MS, event, events, json_values
from tests.collector.memory_log import MemoryLog, Mood

Client = httpx.AsyncClient


async def post(client: Client, sent: object, **headers: str) -> httpx.Response:
    content = sent if isinstance(sent, bytes) else orjson.dumps(sent)
    return await client.post("/v1/events", content=content, headers=headers)


def is_problem(response: httpx.Response, status: int) -> bool:
    stated = response.json().get("status") if response.headers["content-type"] == PROBLEM_JSON else None
    return response.status_code == stated == status


async def metric(client: Client, name: str) -> float:
    text = (await client.get("/metrics")).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not served"
    return float(found[1])


async def test_one_event_is_accepted_once_the_log_has_it(client: Client, log: MemoryLog) -> None:
    response = await post(client, event())
    assert (response.status_code, response.json()) == (202, {"accepted": 1, "rejected": []})
    assert orjson.loads(log.messages[0].value) == event(space="default", ts=NOW_MS)


async def test_the_bad_of_an_array_are_named_and_the_good_accepted(client: Client, log: MemoryLog) -> None:
    response = await post(client, [event(), event(type="Not A Word"), event()])
    assert response.status_code == 202
    assert response.json()["accepted"] == len(log.messages) == 2
    assert [reject["index"] for reject in response.json()["rejected"]] == [1]


async def test_none_good_is_a_problem_that_names_each(client: Client, log: MemoryLog) -> None:
    response = await post(client, [event(extra=1), 5])
    assert is_problem(response, 422)
    assert response.json()["accepted"] == 0
    assert [reject["index"] for reject in response.json()["rejected"]] == [0, 1]
    assert not log.messages


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'"\xff"', b"[NaN]", b'{"user_id": "\\ud800"}', b"[]", b"null", b"5", b'"text"', b"[[]]"],
)
async def test_a_body_without_a_good_event_is_a_422(client: Client, log: MemoryLog, body: bytes) -> None:
    response = await post(client, body)
    assert is_problem(response, 422)
    assert response.json()["accepted"] == 0
    assert not log.messages


@pytest.mark.parametrize(
    "content_type", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "", "nonsense"]
)
async def test_the_content_type_does_not_matter(client: Client, content_type: str) -> None:
    assert (await post(client, event(), **{"Content-Type": content_type})).status_code == 202


async def test_more_events_than_allowed_are_a_413(client: Client, log: MemoryLog) -> None:
    assert is_problem(await post(client, [event()] * 501), 413)
    assert not log.messages


async def test_an_event_that_is_too_large_is_a_413(client: Client) -> None:
    assert is_problem(await post(client, event(properties={"pad": "x" * 33_000})), 413)


async def test_the_largest_batch_of_the_contract_is_accepted(client: Client, log: MemoryLog) -> None:
    largest = event(properties={"pad": "x" * (32 * 1024 - 200)})
    assert (await post(client, [largest] * 500)).json()["accepted"] == len(log.messages) == 500


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_an_encoded_body_is_a_415(client: Client, encoding: str) -> None:
    response = await post(client, gzip.compress(orjson.dumps(event())), **{"Content-Encoding": encoding})
    assert is_problem(response, 415)
    assert response.headers["accept-encoding"] == "identity"


async def test_identity_is_no_encoding(client: Client) -> None:
    assert (await post(client, event(), **{"Content-Encoding": "Identity"})).status_code == 202


@pytest.mark.parametrize("mood", [Mood.UNAVAILABLE, Mood.SILENT])
async def test_what_the_log_does_not_confirm_is_a_503(client: Client, log: MemoryLog, mood: Mood) -> None:
    log.mood = mood
    async with asyncio.timeout(3):
        response = await post(client, [event(), event()])
    assert is_problem(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    assert await metric(client, 'tranche_collector_events_total{outcome="unavailable"}') == 2
    assert await metric(client, 'tranche_collector_events_total{outcome="accepted"}') == 0


async def test_the_collector_recovers_with_the_log(client: Client, log: MemoryLog) -> None:
    log.mood = Mood.UNAVAILABLE
    await post(client, event())
    log.mood = Mood.WORKS
    assert (await post(client, event())).status_code == 202


async def test_ready_follows_the_log(client: Client, log: MemoryLog) -> None:
    assert (await client.get("/readyz")).status_code == 200
    log.mood = Mood.UNAVAILABLE
    response = await client.get("/readyz")
    assert is_problem(response, 503)
    assert response.json()["missing"] == ["the event log"]


async def test_a_writer_that_fails_in_an_unknown_way_is_a_500_and_no_202(client: Client, log: MemoryLog) -> None:
    log.messages = None  # type: ignore[assignment]
    response = await post(client, event())
    assert is_problem(response, 500)
    assert "detail" not in response.json()
    assert await metric(client, 'tranche_collector_request_seconds_count{status="500"}') == 1


async def test_metrics_count_what_became_of_events(client: Client) -> None:
    await post(client, [event(), event(), 5])
    await post(client, [5])
    assert await metric(client, 'tranche_collector_events_total{outcome="accepted"}') == 2
    assert await metric(client, 'tranche_collector_events_total{outcome="rejected"}') == 2
    assert await metric(client, "tranche_collector_body_bytes_total") > 100
    assert await metric(client, 'tranche_collector_request_seconds_count{status="202"}') == 1
    assert await metric(client, 'tranche_collector_request_seconds_count{status="422"}') == 1


async def test_many_small_requests_are_bounded_too(log: MemoryLog) -> None:
    settings = CollectorSettings(max_in_flight_bytes=1024 * 1024, append_timeout_s=0.5)
    log.mood = Mood.SILENT
    app = create_app(settings, log, log, lambda: NOW_MS)
    async with Client(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        responses = await asyncio.gather(*(post(client, event()) for _ in range(200)))
        shed = [response for response in responses if "at once" in response.json()["detail"]]
        assert 0 < len(shed) < len(responses)
        assert {response.status_code for response in responses} == {503}


@pytest.mark.parametrize("body", [orjson.dumps(event()), b"[]", b"{"])
async def test_garbage_is_collected_again_after_every_request(client: Client, body: bytes) -> None:
    await post(client, body)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/events", 405),
        ("PUT", "/v1/events", 405),
        ("OPTIONS", "/v1/events", 405),
        ("POST", "/v1/events/", 404),
        ("POST", "/v1/nothing", 404),
        ("GET", "/docs", 404),
    ],
)
async def test_a_wrong_method_or_path_is_a_problem(client: Client, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert is_problem(response, status)
    assert ("allow" in response.headers) == (status == 405)


async def test_head_is_answered_like_get_and_without_a_body(client: Client) -> None:
    response = await client.head("/v1/events")
    assert (response.status_code, response.content) == (405, b"")


bodies = st.binary(max_size=40) | (json_values | events | st.lists(events | json_values, max_size=6)).map(orjson.dumps)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=bodies)
async def test_no_body_whatever_breaks_the_collector(client: Client, log: MemoryLog, body: bytes) -> None:
    log.messages.clear()
    response = await post(client, body)
    assert response.status_code in {202, 413, 422}
    answer = response.json()
    assert answer["accepted"] == len(log.messages)
    if sent := _events_in(body):
        assert answer["accepted"] + len(answer["rejected"]) == sent


def _events_in(body: bytes) -> int:
    try:
        decoded = orjson.loads(body)
    except ValueError:
        return 0
    return len(decoded) if isinstance(decoded, list) else 1


async def test_the_openapi_document_states_every_answer(client: Client, app: FastAPI) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"]["/v1/events"]["post"]
    assert set(operation["responses"]) == {"202", "400", "408", "413", "415", "422", "503", "default"}
    assert set(operation["requestBody"]["content"]) == {"application/json", "text/plain"}
    answer = operation["responses"]["202"]["content"]["application/json"]["schema"]
    jsonschema.validate((await post(client, [event(), 5])).json(), answer)
    problem = operation["responses"]["422"]["content"][PROBLEM_JSON]["schema"]
    jsonschema.validate((await post(client, 5)).json(), problem)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ts": 5},
        {"ts": "2024-11-22T01:46:40Z"},
        {"consent": {"gpc": True}},
        {"consent": {"purposes": [1]}},
        {"consent": {"tcf": "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"}},
        {"consent": None},
        {"consent": {"gpc": True, "purposes": [1]}},
        {"consent": {"purposes": [0]}},
        {"user_id": "a@b"},
        {"space": "Shop"},
        {"properties": []},
        {"more": 1},
        {"event_id": ""},
    ],
)
async def test_the_schema_and_the_endpoint_agree(client: Client, changes: dict[str, Any]) -> None:
    sent = event(**changes)
    described = jsonschema.Draft202012Validator(event_schema()).is_valid(sent)
    assert ((await post(client, sent)).status_code == 202) == described
