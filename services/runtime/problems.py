"""What every service answers when it does not do what was asked: problems, as RFC 9457 has them.

A problem never repeats what the client sent, so nothing that a client sends can break the answer or leak by it.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.text import printable

PROBLEM_JSON = "application/problem+json"

_log = logging.getLogger(__name__)


class ProblemError(Exception):
    """Raise it to answer with a problem; `members` are the members that the problem has beyond the standard's."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members or {}

    def response(self) -> Response:
        return _response(self.status, self.detail, self.headers, self.members)


def problem_answer(
    description: str,
    members: Mapping[str, object] | None = None,
    optional: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The OpenAPI description of an answer that is a problem; `members` are the schemas of its extra members, and
    `optional` of those that it has only sometimes."""
    properties: dict[str, object] = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        **(members or {}),
        **(optional or {}),
    }
    schema = {"type": "object", "required": ["type", "title", "status", *(members or {})], "properties": properties}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem: what routes raise, what routing and validation refuse, what fails."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_middleware(UnexpectedErrors)


class UnexpectedErrors:
    """Outermost: what nothing else caught is logged by type and place, and answered with a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("unexpected error")
            if not started:  # else the server ends the connection, since the answer stays incomplete
                await _response(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return error.response()


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return _response(status, None if error.detail == status.phrase else error.detail, error.headers)


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"loc": _location(each["loc"]), "msg": each["msg"]} for each in error.errors()[:10]]
    return _response(HTTPStatus.UNPROCESSABLE_ENTITY, "the request does not fit its schema", members={"errors": errors})


def _location(path: Sequence[object]) -> list[str]:
    return [str(part)[:64] for part in path]


def _response(
    status: HTTPStatus,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Response:
    problem: dict[str, object] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if detail is not None:
        problem["detail"] = printable(detail)
    return Response(orjson.dumps(problem | dict(members or {})), status, headers, media_type=PROBLEM_JSON)
