"""How the API shows segments: the shapes of the answers, and how they are filled."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from services.segment_api.segments.facts import SegmentFacts
from services.segment_api.segments.preconditions import entity_tag
from services.segmentation.catalog import Catalog, SegmentDefinition

TAGGED: dict[str, Any] = {
    "headers": {"ETag": {"description": "the segment's `version` in quotes", "schema": {"type": "string"}}}
}

CoveredSince = Annotated[
    int | None,
    Field(
        description="the moment, in milliseconds, since when stored profiles hold all that the rule looks at; null: "
        "since ever"
    ),
]


class SegmentView(SegmentDefinition):
    """A segment as it is in force."""

    id: str
    version: int = Field(
        description="the catalog version of its last edit: `min_catalog` takes it to wait for that edit"
    )
    owner: Literal["file", "api"] = Field(
        description="whose definition it is: the file of segments that the operator starts with, or the API's"
    )
    size: int | None = Field(description="users of the space in it now; null where the ad request decides too")


class SizeAt(BaseModel):
    at: int = Field(description="milliseconds")
    size: int


class SegmentDetails(SegmentView):
    """A segment as it is in force, with all that is known about it."""

    refreshed: float | None = Field(
        description="the part of the stored memberships, 0 to 1, that has been worked out since the last edit; lookups "
        "answer by it at once all the same"
    )
    covered_since: CoveredSince
    size_history: list[SizeAt]
    size_forecast: list[SizeAt] = Field(description="if nothing else happens")


class RuleWarning(BaseModel):
    code: str
    message: str


class SavedSegment(SegmentView):
    """A segment as it was put."""

    covered_since: CoveredSince
    warnings: list[RuleWarning] = Field(description="what in its rule should be looked at again")


class SegmentList(BaseModel):
    catalog_version: int
    segments: list[SegmentView]


def overview(catalog: Catalog, segment_id: str, sizes: Mapping[int, int] | None) -> dict[str, Any]:
    segment = catalog.segments[segment_id]
    known = None if catalog.ready[segment_id].asks else sizes
    return {
        "id": segment.id,
        "version": segment.version,
        "owner": catalog.owner(segment_id),
        "size": None if known is None else known.get(segment.ordinal, 0),
        **segment.row["definition"],
    }


async def details(catalog: Catalog, segment_id: str, facts: SegmentFacts, space: str) -> Response:
    """The answer about one segment."""
    segment = catalog.segments[segment_id]
    content = {
        **overview(catalog, segment_id, await facts.sizes(space)),
        "refreshed": await facts.progress(catalog.ready[segment_id].version),
        "covered_since": await _covered_since(catalog, segment_id, facts),
        "size_history": [],
        "size_forecast": [],
        **({} if catalog.ready[segment_id].asks else await facts.details(segment.ordinal, space)),
    }
    return as_json(content, headers={"ETag": entity_tag(segment)})


async def saved(catalog: Catalog, segment_id: str, facts: SegmentFacts, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The answer to an edit of one segment."""
    segment = catalog.segments[segment_id]
    content = {
        **overview(catalog, segment_id, None),
        "covered_since": await _covered_since(catalog, segment_id, facts),
        "warnings": facts.warnings(segment.rule),
    }
    return as_json(content, status, {"ETag": entity_tag(segment)})


def as_json(
    content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


async def _covered_since(catalog: Catalog, segment_id: str, facts: SegmentFacts) -> int | None:
    """Of the segment and all that it is composed of, whichever is covered least."""
    moments = [await facts.covered_since(part.segment.rule) for part in catalog.with_parts([segment_id])]
    return max((moment for moment in moments if moment is not None), default=None)
