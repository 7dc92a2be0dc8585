"""What makes a FastAPI app a service of ours: operations endpoints, problems, and the server under it."""

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.types import ASGIApp

from services.runtime.access.described import with_keys
from services.runtime.access.guard import Guard, guarded
from services.runtime.access.listening import refuse_open_door
from services.runtime.connection import Connection
from services.runtime.express import Express, ExpressConnection, everybody
from services.runtime.problems import ProblemError, answer_with_problems, problem_answer

READY_TIMEOUT_S = 1.0
STOP_TIMEOUT_S = 10
IDLE_S = 75
"""Longer than the 60 s after which balancers close theirs, so that no request meets the close of a connection."""

ReadyCheck = Callable[[], Awaitable[Collection[str]]]
"""Names what a service misses to do its work; empty when it is ready."""
Facts = Callable[[], Mapping[str, object]]
"""What /readyz tells beside that."""

_log = logging.getLogger(__name__)


class Service(FastAPI):
    express: Express | None = None
    """Answers what is asked for plainly in the place of one of the routes."""

    def openapi(self) -> dict[str, Any]:
        return with_keys(super().openapi())


def service_app(
    title: str, description: str, registry: CollectorRegistry, missing: ReadyCheck, facts: Facts = dict
) -> Service:
    """An app with /healthz, /readyz, /metrics and /openapi.json that answers every error as a problem."""
    app = Service(
        title=title,
        description=description,
        version=version("tranche"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": problem_answer("Anything else is a problem (RFC 9457).")},
    )
    answer_with_problems(app)
    _add_health(app, missing, facts)
    _add_metrics(app, registry)
    return app


def serve(
    open_app: Callable[[], AbstractAsyncContextManager[ASGIApp]], host: str, port: int, key_file: Path | None = None
) -> None:
    """Serve the app that `open_app` yields until SIGTERM or SIGINT, then let requests end and leave its context.

    With a `key_file` only those come in who hold a key of it. Raises SystemExit when the address cannot be bound,
    OpenDoor where it is beyond loopback and there are no keys, and BadKeyFile.
    """
    refuse_open_door(host, key_file)

    async def main() -> None:
        async with open_app() as app, guarded(app, key_file) as door:
            _spare_the_collector()
            allow_many_connections()
            express = app.express if isinstance(app, Service) else None
            await StoppableServer(server_config(door, host, port, express)).serve()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def _spare_the_collector() -> None:
    """What a service is made of stays until its end: to look through it for garbage would stop everything for 40 ms."""
    gc.collect()
    gc.freeze()


def allow_many_connections() -> None:
    """As many open files as the system lets this process have: many systems begin with 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where "unlimited" is not
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def server_config(app: ASGIApp, host: str, port: int, express: Express | None = None) -> uvicorn.Config:
    """How uvicorn serves us. No proxy's word about the client's address is taken, and our own logging stays.

    Whoever `app` lets in as a guard, the express lets in as well, and nobody else.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection if express is None else _express_connections(app, express),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )


def _express_connections(app: ASGIApp, express: Express) -> type[asyncio.Protocol]:
    visitors = app.visitors("GET", express.route) if isinstance(app, Guard) else everybody
    return cast("type[asyncio.Protocol]", partial(ExpressConnection, express=express, visitors=visitors))


class StoppableServer(uvicorn.Server):
    """A server that ends on a signal and returns. The base class then kills the process with that same signal,
    before the caller can close what the app used."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for each in signals:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in signals:
                loop.remove_signal_handler(each)


def _add_health(app: FastAPI, missing: ReadyCheck, facts: Facts) -> None:
    @app.get("/healthz", summary="The process lives", tags=["operations"])
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get(
        "/readyz",
        summary="The service can do its work",
        tags=["operations"],
        responses={
            503: problem_answer("Something is missing.", {"missing": {"type": "array", "items": {"type": "string"}}})
        },
    )
    async def readyz() -> dict[str, object]:
        names = sorted(await _ask(missing))
        if names:
            detail = f"missing: {', '.join(names)}"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, members={"missing": names, **facts()})
        return {"status": "ready", **facts()}


async def _ask(missing: ReadyCheck) -> Collection[str]:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            return await missing()
    except TimeoutError:
        return ["an answer to the readiness check in time"]
    except Exception:
        _log.exception("the readiness check failed")
        return ["a readiness check that works"]


def _add_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    @app.get(
        "/metrics",
        summary="Metrics in the Prometheus text format",
        tags=["operations"],
        response_class=Response,
        responses={200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
