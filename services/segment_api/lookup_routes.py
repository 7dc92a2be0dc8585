"""The lookup endpoints: parameters in, answers out."""

import time
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.runtime.metrics import ApiMetrics
from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.answer import Question
from services.segment_api.bodies import Bodies
from services.segment_api.lookup import Lookup
from services.segment_api.settings import ApiSettings
from services.segmentation.events import SPACE_PATTERN, USER_ID_PATTERN, Timestamp

MAX_USERS = 1_000
MAX_BODY_BYTES = 1_000_000


def _number(value: object) -> object:
    """A query parameter is text: nothing but digits stands for milliseconds."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Moment = Annotated[Timestamp, BeforeValidator(_number)]
UserId = Annotated[str, Field(pattern=USER_ID_PATTERN)]
Space = Annotated[str, Field(pattern=SPACE_PATTERN)]


class SegmentSpan(BaseModel):
    """A segment that the user is in during [since, until), in milliseconds; until null: with no end in sight."""

    id: str
    since: int
    until: int | None


class LookupAnswer(BaseModel):
    """What is known of a user at a moment."""

    user_id: str
    known: bool = Field(description="false for a user of whom no event has been applied")
    at: int = Field(description="the moment that the answer is about, milliseconds since 1970")
    segments: list[SegmentSpan] | list[str] = Field(description="sorted by id; only the ids with fields=ids")
    degraded: bool = Field(description="true when the state could not be read in time; segments is empty then")
    error: str | None = Field(None, description="in a batch: why this user has no answer")


class LookupRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    user_ids: list[UserId] = Field(max_length=MAX_USERS)
    space: Space = "default"
    at: Timestamp | None = None
    fields: Literal["ids"] | None = None


class LookupAnswers(BaseModel):
    results: list[LookupAnswer]


_TIMED: dict[str, Any] = {
    "headers": {
        "Server-Timing": {
            "description": "`total;dur=` and the milliseconds that the answer took inside the server",
            "schema": {"type": "string"},
        }
    }
}


def lookup_routes(lookup: Lookup, settings: ApiSettings, metrics: ApiMetrics, bodies: Bodies) -> APIRouter:
    routes = APIRouter(tags=["lookups"])

    @routes.get(
        "/v1/users/{user_id}/segments",
        summary="Which segments a user is in",
        description="`at` is any moment from the user's latest event on, as if nothing else happened; by default it is "
        "the later of now and that event. Other parameters, such as `request.device.type`, are ignored for now.",
        response_model=LookupAnswer,
        responses={
            200: _TIMED,
            400: problem_answer("`at` is before the user's latest event: history is not kept."),
        },
    )
    async def one(
        user_id: Annotated[str, Path(pattern=USER_ID_PATTERN)],
        at: Annotated[Moment | None, Query()] = None,
        space: Annotated[Space, Query()] = "default",
        fields: Annotated[Literal["ids"] | None, Query()] = None,
    ) -> Response:
        started_s = time.perf_counter()
        question = Question(space, at, fields == "ids")
        (answer,) = await lookup.many([user_id], question, settings.lookup_deadline_ms / 1000)
        metrics.observe_lookups([answer], time.perf_counter() - started_s)
        if "error" in answer:
            raise ProblemError(HTTPStatus.BAD_REQUEST, answer["error"])
        return _json(answer, started_s)

    @routes.post(
        "/v1/lookup",
        summary="The same for many users at once, in their order",
        response_model=LookupAnswers,
        responses={200: _TIMED},
        openapi_extra=bodies.schema(LookupRequest),
    )
    async def many(request: Request) -> Response:
        asked = await bodies.read(request, LookupRequest, MAX_BODY_BYTES)
        started_s = time.perf_counter()
        question = Question(asked.space, asked.at, asked.fields == "ids")
        answers = await lookup.many(asked.user_ids, question, settings.batch_deadline_ms / 1000)
        metrics.observe_lookups(answers, time.perf_counter() - started_s)
        return _json({"results": answers}, started_s)

    return routes


def _json(content: dict[str, Any], started_s: float) -> Response:
    body = orjson.dumps(content)
    duration_ms = (time.perf_counter() - started_s) * 1000
    headers = {"Server-Timing": f"total;dur={duration_ms:.2f}"}
    return Response(body, headers=headers, media_type="application/json")
