"""The endpoints for segments: put, get, list, delete; with their history."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from services.runtime.problems import problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.parameters import Space
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edit_parameters import Noted, SegmentId
from services.segment_api.segments.edits import BAD_RULE, FULL, IN_USE, NOT_FOUND, STALE, SegmentEdits, known
from services.segment_api.segments.facts import SegmentFacts
from services.segment_api.segments.history_routes import history_routes
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segment_api.segments.preconditions import IfMatch, IfNoneMatch, Preconditions
from services.segment_api.segments.views import (
    TAGGED,
    SavedSegment,
    SegmentDetails,
    SegmentList,
    as_json,
    details,
    overview,
    saved,
)
from services.segmentation.catalog import SegmentDefinition
from services.segmentation.keep import KeepList

MAX_BODY_BYTES = 256 * 1024
CATALOG_VERSION = "Catalog-Version"

VERSIONED: dict[str, Any] = {
    "headers": {
        CATALOG_VERSION: {"description": "what `min_catalog` takes to wait for it", "schema": {"type": "integer"}}
    },
}
DELETED: dict[str, Any] = {"description": "Deleted.", **VERSIONED}


def segment_routes(store: CatalogStore, keep: KeepList, bodies: Bodies, facts: SegmentFacts | None = None) -> APIRouter:
    """`facts` tells what the answers hold beside the definitions; nothing where it is not given."""
    facts = facts or SegmentFacts()
    edits = SegmentEdits(store, keep)
    routes = APIRouter(tags=["segments"], responses={503: problem_answer("The catalog cannot be reached now.")})

    @routes.get("/v1/segments", summary="All segments, sorted by id", response_model=SegmentList)
    async def every(
        status: Annotated[Literal["live", "draft"] | None, Query(description="only these")] = None,
        space: Annotated[Space, Query(description="whose users are counted")] = "default",
        min_catalog: MinCatalog = None,
    ) -> Response:
        await wait_for_catalog(store.watched, min_catalog)
        catalog, sizes = await store.read(), await facts.sizes(space)
        wanted = [each for each in catalog.segments.values() if status in (None, each.definition.status)]
        segments = [overview(catalog, segment_id, sizes) for segment_id in sorted(each.id for each in wanted)]
        return as_json({"catalog_version": catalog.version, "segments": segments})

    @routes.get(
        "/v1/segments/{segment_id}",
        summary="One segment, and what is known about it",
        response_model=SegmentDetails,
        responses={200: TAGGED, **NOT_FOUND},
    )
    async def one(
        segment_id: SegmentId,
        space: Annotated[Space, Query(description="whose users are counted")] = "default",
        min_catalog: MinCatalog = None,
    ) -> Response:
        await wait_for_catalog(store.watched, min_catalog)
        catalog = await store.read()
        known(catalog, segment_id)
        return await details(catalog, segment_id, facts, space)

    @routes.put(
        "/v1/segments/{segment_id}",
        summary="Create or replace a segment",
        description="It is in force on every process within a second; `min_catalog` waits for it. What is there "
        "already is not put again.",
        response_model=SavedSegment,
        responses={
            200: TAGGED,
            201: {"model": SavedSegment, "description": "Created.", **TAGGED},
            **FULL,
            **STALE,
            **BAD_RULE,
        },
        openapi_extra=bodies.schema(SegmentDefinition),
    )
    async def put(
        segment_id: SegmentId,
        request: Request,
        note: Noted,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        definition = await bodies.read(request, SegmentDefinition, MAX_BODY_BYTES)
        conditions = Preconditions(if_match, if_none_match)
        before, after = await edits.put(segment_id, definition, conditions, note)
        status = HTTPStatus.OK if segment_id in before.segments else HTTPStatus.CREATED
        return await saved(after, segment_id, facts, status)

    @routes.delete(
        "/v1/segments/{segment_id}",
        summary="Delete a segment that no other is made of; its history stays",
        status_code=HTTPStatus.NO_CONTENT,
        responses={204: DELETED, **NOT_FOUND, **IN_USE, **STALE},
    )
    async def delete(segment_id: SegmentId, note: Noted, if_match: IfMatch = None) -> Response:
        _, after = await edits.delete(segment_id, Preconditions(if_match), note)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={CATALOG_VERSION: str(after.version)})

    routes.include_router(history_routes(store, edits, facts))
    return routes
