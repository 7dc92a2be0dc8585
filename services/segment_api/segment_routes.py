"""The endpoints for segments: put, get, list, delete."""

from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.catalog_store import CatalogStore
from services.segmentation.catalog import (
    MAX_SEGMENTS,
    SEGMENT_ID_PATTERN,
    Catalog,
    Segment,
    SegmentDefinition,
    TooManySegments,
)
from services.segmentation.keep import KeepList
from services.segmentation.rules.errors import RuleError

MAX_BODY_BYTES = 256 * 1024

SegmentId = Annotated[str, Path(pattern=SEGMENT_ID_PATTERN)]

_RULE_MEMBERS = {
    "line": {"type": "integer"},
    "column": {"type": "integer"},
    "found": {"type": "string"},
    "expected": {"type": "string"},
}


class SegmentView(SegmentDefinition):
    """A segment as it is in force."""

    id: str
    version: int = Field(description="the catalog version of its last edit")


class SegmentList(BaseModel):
    catalog_version: int
    segments: list[SegmentView]


def segment_routes(store: CatalogStore, keep: KeepList, bodies: Bodies) -> APIRouter:
    routes = APIRouter(tags=["segments"], responses={503: problem_answer("The catalog cannot be reached now.")})
    not_found: dict[int | str, dict[str, Any]] = {404: problem_answer("No such segment.")}

    @routes.get("/v1/segments", summary="All segments, sorted by id", response_model=SegmentList)
    async def every() -> Response:
        catalog = await store.read()
        segments = [_view(catalog.segments[segment_id]) for segment_id in sorted(catalog.segments)]
        return _json({"catalog_version": catalog.version, "segments": segments})

    @routes.get("/v1/segments/{segment_id}", response_model=SegmentView, responses=not_found)
    async def one(segment_id: SegmentId) -> Response:
        return _json(_view(_known(await store.read(), segment_id)))

    @routes.put(
        "/v1/segments/{segment_id}",
        summary="Create or replace a segment",
        response_model=SegmentView,
        responses={
            201: {"model": SegmentView, "description": "Created."},
            409: problem_answer(f"There are {MAX_SEGMENTS} segments already."),
            422: problem_answer("The body does not fit, or the rule is wrong.", optional=_RULE_MEMBERS),
        },
        openapi_extra=bodies.schema(SegmentDefinition),
    )
    async def put(segment_id: SegmentId, request: Request) -> Response:
        definition = await bodies.read(request, SegmentDefinition, MAX_BODY_BYTES)
        try:
            before, after = await store.change(lambda catalog: catalog.put(segment_id, definition, keep))
        except RuleError as error:
            raise _rule_problem(error) from None
        except TooManySegments as error:
            raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None
        status = HTTPStatus.OK if segment_id in before.segments else HTTPStatus.CREATED
        return _json(_view(after.segments[segment_id]), status)

    @routes.delete("/v1/segments/{segment_id}", status_code=HTTPStatus.NO_CONTENT, responses=not_found)
    async def delete(segment_id: SegmentId) -> Response:
        before, _ = await store.change(lambda catalog: catalog.delete(segment_id))
        _known(before, segment_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return routes


def _rule_problem(error: RuleError) -> ProblemError:
    members = {"line": error.line, "column": error.column, "found": error.found, "expected": error.expected}
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"rule: {error}", members=members)


def _known(catalog: Catalog, segment_id: str) -> Segment:
    segment = catalog.segments.get(segment_id)
    if segment is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "there is no segment with this id")
    return segment


def _view(segment: Segment) -> dict[str, Any]:
    return {"id": segment.id, "version": segment.version, **segment.definition.model_dump()}


def _json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
