"""The endpoints for what happened to a segment: its history, and the way back to a definition of before."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edit_parameters import Noted, SegmentId
from services.segment_api.segments.edits import BAD_RULE, FULL, STALE, SegmentEdits
from services.segment_api.segments.facts import SegmentFacts
from services.segment_api.segments.history import MAX_ENTRIES, HistoryEntry
from services.segment_api.segments.preconditions import IfMatch, Preconditions
from services.segment_api.segments.views import TAGGED, SavedSegment, as_json, saved
from services.segmentation.catalog import SegmentDefinition


class SegmentHistory(BaseModel):
    id: str
    entries: list[HistoryEntry]


def history_routes(store: CatalogStore, edits: SegmentEdits, facts: SegmentFacts) -> APIRouter:
    routes = APIRouter()

    @routes.get(
        "/v1/segments/{segment_id}/history",
        summary="Every edit of a segment, the newest first; also of one that was deleted",
        description=f"The last {MAX_ENTRIES} edits are kept.",
        response_model=SegmentHistory,
        responses={404: problem_answer("There never was such a segment.")},
    )
    async def history(
        segment_id: SegmentId, limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES, description="how many")] = 100
    ) -> Response:
        entries = await store.history(segment_id, limit)
        if not entries and segment_id not in (await store.read()).segments:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there never was a segment with this id")
        return as_json({"id": segment_id, "entries": [entry.model_dump() for entry in entries]})

    @routes.post(
        "/v1/segments/{segment_id}/rollback",
        summary="Put what was in force after an earlier edit, also where the segment was deleted since",
        description="It is checked as any edit is, and is one itself: nothing vanishes from the history.",
        response_model=SavedSegment,
        responses={
            200: TAGGED,
            404: problem_answer("The history has no such edit."),
            **FULL,
            **STALE,
            **BAD_RULE,
        },
    )
    async def rollback(
        segment_id: SegmentId,
        to: Annotated[int, Query(ge=1, description="the `version` of an entry of the history")],
        note: Noted,
        if_match: IfMatch = None,
    ) -> Response:
        definition = await _definition_after(store, segment_id, to)
        note = replace(note, action="rollback")
        _, after = await edits.put(segment_id, definition, Preconditions(if_match), note)
        return await saved(after, segment_id, facts)

    return routes


async def _definition_after(store: CatalogStore, segment_id: str, version: int) -> SegmentDefinition:
    """What was in force after an edit. Raises ProblemError: 404, and 422 where it was a deletion."""
    entries = await store.history(segment_id)
    entry = next((entry for entry in entries if entry.version == version), None)
    if entry is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "the history of the segment has no edit with this version")
    if entry.definition is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "that edit deleted the segment: nothing was in force")
    return entry.definition
