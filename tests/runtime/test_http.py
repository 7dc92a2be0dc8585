"""What every service shares at its door: health, metrics, and problems for all that goes wrong."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from http import HTTPStatus

import httpx
import orjson
import pytest
from fastapi import FastAPI, HTTPException
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, field_validator
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.runtime.http import server_config, service_app
from services.runtime.metrics import CollectorMetrics, process_registry
from services.runtime.problems import PROBLEM_JSON, ProblemError, UnexpectedErrors
from tests.support.ports import free_ports

Check = Callable[[], Awaitable[Collection[str]]]


class Body(BaseModel):
    number: float

    @field_validator("number")
    @classmethod
    def _is_small(cls, number: float) -> float:
        if not number < 10:
            raise ValueError("too large")
        return number


async def nothing_missing() -> Collection[str]:
    return []


def an_app(missing: Check = nothing_missing, registry: CollectorRegistry | None = None) -> FastAPI:
    app = service_app("Test", "A service under test.", registry or process_registry(), missing)

    @app.post("/things/{count}")
    async def things(count: int, body: Body) -> dict[str, float]:
        return {"count": count, "number": body.number}

    @app.post("/names")
    async def names(body: dict[str, float]) -> int:
        return len(body)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("user u-42")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Spout": "yes"})

    return app


async def ask(app: FastAPI, method: str, path: str, content: bytes = b"") -> httpx.Response:
    headers = {"Content-Type": "application/json"} if content else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, path, content=content, headers=headers)


def problem(response: httpx.Response) -> dict[str, object]:
    assert response.headers["content-type"] == PROBLEM_JSON
    fields: dict[str, object] = response.json()
    assert fields["status"] == response.status_code
    assert {"type", "title"} <= fields.keys()
    return fields


async def test_a_process_that_runs_is_alive_whatever_is_missing() -> None:
    async def everything() -> Collection[str]:
        return ["everything"]

    assert (await ask(an_app(everything), "GET", "/healthz")).status_code == 200


async def test_ready_when_nothing_is_missing() -> None:
    assert (await ask(an_app(), "GET", "/readyz")).json() == {"status": "ready"}


async def test_not_ready_names_what_is_missing() -> None:
    async def missing() -> Collection[str]:
        return {"the event log", "redis"}

    response = await ask(an_app(missing), "GET", "/readyz")
    assert response.status_code == 503
    assert problem(response)["missing"] == ["redis", "the event log"]
    assert problem(response)["detail"] == "missing: redis, the event log"


async def test_a_readiness_check_that_hangs_is_given_up() -> None:
    async def hang() -> Collection[str]:
        await asyncio.Event().wait()
        return []

    async with asyncio.timeout(5):
        response = await ask(an_app(hang), "GET", "/readyz")
    assert (response.status_code, "in time" in str(problem(response)["detail"])) == (503, True)


async def test_a_readiness_check_that_breaks_means_not_ready() -> None:
    async def broken() -> Collection[str]:
        raise KeyError("u-42")

    response = await ask(an_app(broken), "GET", "/readyz")
    assert response.status_code == 503
    assert "u-42" not in response.text


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    registry = process_registry()
    CollectorMetrics(registry).accepted.inc(3)
    response = await ask(an_app(registry=registry), "GET", "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert 'tranche_collector_events_total{outcome="accepted"} 3.0' in response.text
    assert "process_resident_memory_bytes" in response.text


def test_two_services_in_one_process_share_no_metric() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    CollectorMetrics(first).accepted.inc()
    CollectorMetrics(second)
    assert second.get_sample_value("tranche_collector_events_total", {"outcome": "accepted"}) == 0


async def test_an_unknown_path_and_a_wrong_method_are_problems() -> None:
    missing, wrong = await ask(an_app(), "GET", "/nothing"), await ask(an_app(), "DELETE", "/healthz")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert problem(missing)["title"] == "Not Found"
    assert problem(wrong)["title"] == "Method Not Allowed"
    assert wrong.headers["allow"] == "GET"


async def test_a_raised_http_exception_keeps_its_detail_and_headers() -> None:
    response = await ask(an_app(), "GET", "/teapot")
    assert (response.status_code, response.headers["x-spout"]) == (418, "yes")
    assert problem(response)["detail"] == "short and stout"


@pytest.mark.parametrize(
    "content",
    [
        b'{"number": NaN}',
        b'{"number": Infinity}',
        b'{"number": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'"\\ud800"',
        b'{"number": "secret-42"}',
        b"[NaN, 1e999]",
        b"{",
    ],
)
async def test_a_body_that_does_not_fit_is_a_422_that_repeats_none_of_it(content: bytes) -> None:
    response = await ask(an_app(), "POST", "/things/5", content)
    assert response.status_code == 422
    assert problem(response)["errors"]
    assert "secret-42" not in response.text


async def test_a_name_that_is_no_text_does_not_break_the_answer() -> None:
    response = await ask(an_app(), "POST", "/names", b'{"\\ud800": "x"}')
    assert response.status_code == 422
    assert problem(response)["errors"]


async def test_a_detail_that_is_no_text_does_not_break_the_answer() -> None:
    response = ProblemError(HTTPStatus.BAD_REQUEST, "found \ud800").response()
    assert orjson.loads(response.body)["detail"] == "found \\ud800"


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000, b"1" * 5_000])
async def test_a_body_that_cannot_be_read_is_the_clients_fault(content: bytes) -> None:
    response = await ask(an_app(), "POST", "/things/5", content)
    assert response.status_code in {400, 422}
    problem(response)


async def test_a_path_parameter_that_does_not_fit_is_a_problem_too() -> None:
    response = await ask(an_app(), "POST", "/things/secret-42", b'{"number": 1}')
    assert (response.status_code, "secret-42" in response.text) == (422, False)
    assert problem(response)["errors"] == [
        {"loc": ["path", "count"], "msg": "Input should be a valid integer, unable to parse string as an integer"}
    ]


async def test_an_unexpected_error_is_a_500_without_details_and_logged_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        response = await ask(an_app(), "GET", "/fails")
    assert response.status_code == 500
    assert "detail" not in problem(response)
    assert "u-42" not in response.text
    assert [record.getMessage() for record in caplog.records] == ["unexpected error"]


async def test_an_error_after_the_answer_began_adds_nothing_to_it() -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the other half")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(half())(scope, receive, send)

    sent: list[str] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(str(message["type"]))

    async def receive() -> dict[str, object]:
        return await asyncio.Future()

    await UnexpectedErrors(app)({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)  # type: ignore[arg-type]
    assert sent == ["http.response.start", "http.response.body"]


async def test_the_openapi_document_tells_that_errors_are_problems() -> None:
    document = (await ask(an_app(), "GET", "/openapi.json")).json()
    for path in document["paths"].values():
        for operation in path.values():
            assert PROBLEM_JSON in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]


SERVICE = """
import asyncio, sys
from contextlib import asynccontextmanager
from services.runtime.http import serve, service_app
from services.runtime.metrics import process_registry

async def missing():
    return []

@asynccontextmanager
async def open_app():
    app = service_app("Test", "A service under test.", process_registry(), missing)

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(1)
        return "done"

    try:
        yield app
    finally:
        print("released", flush=True)

serve(open_app, "127.0.0.1", int(sys.argv[1]))
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_end_and_releases_what_was_held(stop: signal.Signals) -> None:
    (port,) = free_ports(0)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, str(port), stdout=subprocess.PIPE)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await _alive(client)
            slow = asyncio.create_task(client.get("/slow"))
            await asyncio.sleep(0.3)
            process.send_signal(stop)
            assert (await slow).json() == "done"
        output, _ = await asyncio.wait_for(process.communicate(), 15)
        assert (process.returncode, output) == (0, b"released\n")
    finally:
        if process.returncode is None:
            process.kill()


def test_an_address_that_is_taken_ends_the_service_with_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", SERVICE, str(port)], capture_output=True, text=True, timeout=30, check=False
        )
    assert (done.returncode, done.stdout) == (3, "released\n")
    assert "address already in use" in done.stderr


async def _alive(client: httpx.AsyncClient) -> None:
    give_up_s = time.monotonic() + 20
    while time.monotonic() < give_up_s:
        try:
            if (await client.get("/healthz")).is_success:
                return
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
    raise AssertionError("the service did not start")


def test_an_idle_connection_outlasts_those_of_balancers() -> None:
    assert server_config(an_app(), "127.0.0.1", 0).timeout_keep_alive > 60


def test_a_service_takes_as_many_connections_as_the_system_lets_it() -> None:
    program = """if True:
        import resource
        from services.runtime.http import allow_many_connections
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
        allow_many_connections()
        print(resource.getrlimit(resource.RLIMIT_NOFILE))"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "(300, 300)\n"
