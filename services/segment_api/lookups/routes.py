"""The lookup endpoints: parameters in, answers out."""

import time
from contextlib import ExitStack, nullcontext
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.connection import arrived_s
from services.runtime.metrics import ApiMetrics
from services.runtime.problems import ProblemError, problem_answer
from services.runtime.watched import WatchedValue
from services.segment_api.bodies import Bodies
from services.segment_api.lookups.answer import Question
from services.segment_api.lookups.batch import MAX_ANSWER_BYTES, HeldResponse, Parts, whole
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.lookups.paths import MANY, ONE
from services.segment_api.lookups.written import outcome_of
from services.segment_api.parameters import Moment, Space, UserId, told_in_json, told_in_query
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segment_api.settings import ApiSettings
from services.segment_api.turns import Turns
from services.segmentation.catalog import Catalog
from services.segmentation.events import USER_ID_PATTERN, Timestamp

MAX_USERS = 1_000
MAX_BODY_BYTES = 1_000_000
USERS_AT_ONCE = 4_000
"""Users of all lookups of many that are under way: with the largest answers, some 128 MiB."""
WAITS_AT_ONCE = 64
"""Lookups of one user that may wait for a version of the catalog, and then be answered all at once."""


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
    turns = Turns("users of lookups of many", USERS_AT_ONCE, retry_after_s=1)
    waits = Turns("lookups with min_catalog", WAITS_AT_ONCE, retry_after_s=1)

    @routes.get(
        ONE,
        summary="Which segments a user is in",
        description="`at` is any moment from the user's latest event on, as if nothing else happened; by default it is "
        "the later of now and that event. Every parameter that begins with `request.`, such as "
        '`request.device.type=mobile`, tells of the ad request itself: rules read it as `request("device.type")`. '
        "The hour and the weekday are those of `request.timezone`, else of the user, else of the space.",
        response_model=LookupAnswer,
        responses={
            200: _TIMED,
            400: problem_answer("`at` is before the user's latest event: history is not kept."),
            503: problem_answer("With `min_catalog`: not known here in time, or too many wait for a version at once."),
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
        question = Question(space, at, fields == "ids", told_in_query(request.query_params), as_text=True)
        begin_s = arrived_s(request.scope)
        with nullcontext() if min_catalog is None else waits.one():
            if min_catalog is not None:
                await wait_for_catalog(catalog, min_catalog)
                begin_s = time.monotonic()  # whoever asks to wait has no deadline meanwhile
            answer = await lookup.one(user_id, question, begin_s + settings.lookup_deadline_ms / 1000)
        metrics.lookups[outcome_of(answer)] += 1
        metrics.lookup_seconds.observe(time.monotonic() - begin_s)
        if "error" in answer:
            raise ProblemError(HTTPStatus.BAD_REQUEST, answer["error"])
        return Response(orjson.dumps(answer), headers=_timed(begin_s), media_type="application/json")

    @routes.post(
        MANY,
        summary="The same for many users at once, in their order",
        response_model=LookupAnswers,
        responses={
            200: _TIMED,
            422: problem_answer(
                f"The request does not fit, or its answer would be larger than {MAX_ANSWER_BYTES} bytes."
            ),
            503: problem_answer("Too many users are asked for at once."),
        },
        openapi_extra=bodies.schema(LookupRequest),
    )
    async def many(request: Request, min_catalog: MinCatalog = None) -> Response:
        asked = await bodies.read(request, LookupRequest, MAX_BODY_BYTES)
        await wait_for_catalog(catalog, min_catalog)
        begin_s = time.monotonic()  # what a client takes to send its body is not ours
        question = Question(asked.space, asked.at, asked.fields == "ids", told_in_json(asked.request))
        with ExitStack() as holds:
            holds.enter_context(turns.some(len(asked.user_ids)))
            by_s = begin_s + settings.batch_deadline_ms / 1000
            body = whole(await lookup.many(asked.user_ids, question, by_s, Parts(metrics).add))
            metrics.lookup_seconds.observe(time.monotonic() - begin_s)
            return HeldResponse(holds.pop_all(), body, _timed(begin_s))

    return routes


def _timed(begin_s: float) -> dict[str, str]:
    return {"Server-Timing": f"total;dur={(time.monotonic() - begin_s) * 1000:.2f}"}
