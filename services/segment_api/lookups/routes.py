"""The lookup endpoints: parameters in, answers out."""

import time
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.metrics import ApiMetrics
from services.runtime.problems import ProblemError, problem_answer
from services.runtime.watched import WatchedValue
from services.segment_api.bodies import Bodies
from services.segment_api.lookups.answer import Question
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.parameters import Moment, Space, UserId, told_in_json, told_in_query
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import Catalog
from services.segmentation.events import USER_ID_PATTERN, Timestamp

MAX_USERS = 1_000
MAX_BODY_BYTES = 1_000_000


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
    request: dict[str, Any] = Field(
        default_factory=dict,
        description='what the ad request tells, as an object or by dotted names: {"device": {"type": "mobile"}}',
    )


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


def lookup_routes(
    lookup: Lookup, catalog: WatchedValue[Catalog], settings: ApiSettings, metrics: ApiMetrics, bodies: Bodies
) -> APIRouter:
    routes = APIRouter(tags=["lookups"])

    @routes.get(
        "/v1/users/{user_id}/segments",
        summary="Which segments a user is in",
        description="`at` is any moment from the user's latest event on, as if nothing else happened; by default it is "
        "the later of now and that event. Every parameter that begins with `request.`, such as "
        '`request.device.type=mobile`, tells of the ad request itself: rules read it as `request("device.type")`. '
        "The hour and the weekday are those of `request.timezone`, else of the user, else of the space.",
        response_model=LookupAnswer,
        responses={
            200: _TIMED,
            400: problem_answer("`at` is before the user's latest event: history is not kept."),
        },
    )
    async def one(
        request: Request,
        user_id: Annotated[str, Path(pattern=USER_ID_PATTERN)],
        at: Annotated[Moment | None, Query()] = None,
        space: Annotated[Space, Query()] = "default",
        fields: Annotated[Literal["ids"] | None, Query()] = None,
        min_catalog: MinCatalog = None,
    ) -> Response:
        await wait_for_catalog(catalog, min_catalog)
        started_s = time.perf_counter()
        question = Question(space, at, fields == "ids", told_in_query(request.query_params), as_text=True)
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
    async def many(request: Request, min_catalog: MinCatalog = None) -> Response:
        asked = await bodies.read(request, LookupRequest, MAX_BODY_BYTES)
        await wait_for_catalog(catalog, min_catalog)
        started_s = time.perf_counter()
        question = Question(asked.space, asked.at, asked.fields == "ids", told_in_json(asked.request))
        answers = await lookup.many(asked.user_ids, question, settings.batch_deadline_ms / 1000)
        metrics.observe_lookups(answers, time.perf_counter() - started_s)
        return _json({"results": answers}, started_s)

    return routes


def _json(content: dict[str, Any], started_s: float) -> Response:
    body = orjson.dumps(content)
    duration_ms = (time.perf_counter() - started_s) * 1000
    headers = {"Server-Timing": f"total;dur={duration_ms:.2f}"}
    return Response(body, headers=headers, media_type="application/json")
