"""`GET /v1/segments/{segment_id}/members`: who is in a segment, as a stream that can be gone on with."""

import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.runtime.clock import Clock
from services.runtime.problems import ProblemError, problem_answer
from services.runtime.redis_client import REDIS_ERRORS
from services.segment_api.export.export import Export
from services.segment_api.export.format import Csv, Format, FormatName, Ndjson, format_named
from services.segment_api.export.place import BadToken, Place
from services.segment_api.export.stream import Stream
from services.segment_api.parameters import Moment, Space
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edit_parameters import SegmentId
from services.segment_api.segments.edits import NOT_FOUND, known
from services.segment_api.turns import Turns
from services.segmentation.catalog import Ready

AT_ONCE = 2
RETRY_AFTER_S = 10

_TEXT = {"schema": {"type": "string"}}
_STREAM: dict[str, Any] = {
    "description": 'The members, a line each: `{"user_id", "since", "until"}`. After each page a line `{"next": '
    '"TOKEN"}`, and at the very end `{"next": null, "members": n, "unreadable": k}`; as CSV, `# next TOKEN` and '
    "`# end members n unreadable k`. A stream without that end is incomplete.",
    "content": {Ndjson.media_type: _TEXT, Csv.media_type.partition(";")[0]: _TEXT},
}

_log = logging.getLogger(__name__)


def export_routes(export: Export, store: CatalogStore, partitions: int, now_ms: Clock) -> APIRouter:
    routes = APIRouter(tags=["segments"])
    turns = Turns("exports", AT_ONCE, RETRY_AFTER_S)

    @routes.get(
        "/v1/segments/{segment_id}/members",
        summary="All members of a segment, as a stream",
        description="Whoever is a member all the time is told, normally once, in no order; consent is respected, and "
        "drafts can be exported. A user is judged at `at`, by default the moment when the export begins, or at the "
        "user's latest event where that is later.\n\nWhere a stream ends before its end, forget what came after the "
        "last `next` and go on with `from=TOKEN`, which also tells `space` and `at`. It ends so where Redis stays "
        "away, where the segment is edited meanwhile (409 then: begin anew), and after the page in which `limit` "
        "members are reached. What goes on has no header in CSV, so that the parts can be put together.\n\nAn id that "
        "a spreadsheet would take for a formula, with `=`, `+` or `-` at its beginning, has an apostrophe before it "
        "in CSV, with which no id begins.",
        response_class=Response,
        responses={
            200: _STREAM,
            **NOT_FOUND,
            409: problem_answer("The segment was edited after the export began."),
            422: problem_answer("The request does not fit, or the segment asks the ad request."),
            503: problem_answer("Redis cannot be reached, or there are too many exports at once."),
        },
    )
    async def members(
        segment_id: SegmentId,
        format_name: Annotated[FormatName, Query(alias="format")] = "ndjson",
        space: Annotated[Space, Query()] = "default",
        at: Annotated[Moment | None, Query()] = None,
        token: Annotated[str | None, Query(alias="from", max_length=300)] = None,
        limit: Annotated[int | None, Query(ge=1, description="end after the page that reaches it")] = None,
    ) -> Response:
        catalog = await store.read()
        known(catalog, segment_id)
        ready = catalog.ready[segment_id]
        _refuse_asking(ready)
        if token is None:
            place = Place(ready.version, now_ms() if at is None else at, space)
        else:
            place = _continued(token, ready, partitions)
        form = format_named(format_name)
        pieces = _pieces(export, segment_id, place, form, limit)
        return Stream(_after(b"" if token else form.begin(), pieces), form.media_type, turns)

    return routes


def _refuse_asking(ready: Ready) -> None:
    if ready.asks:
        detail = "the segment asks the ad request with request(): who is in it is only known when one is made"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _continued(token: str, ready: Ready, partitions: int) -> Place:
    try:
        place = Place.read(token)
    except BadToken as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    if place.partition >= partitions:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "from: no token of an export")
    if place.version != ready.version:
        raise ProblemError(HTTPStatus.CONFLICT, "the segment was edited after the export began: begin anew")
    return place


async def _pieces(
    export: Export, segment_id: str, place: Place, form: Format, limit: int | None
) -> AsyncIterator[bytes]:
    """The pages as text; they stop short where Redis stays away, and where the limit is reached."""
    try:
        async for page in export.pages(segment_id, place):
            yield (form.end if page.is_last else form.page)(page.members, page.following)
            if limit is not None and page.following.members - place.members >= limit:
                return
    except REDIS_ERRORS as error:
        _log.warning("an export was cut off: %s", type(error).__name__)


async def _after(begin: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if begin:
        yield begin
    async for piece in pieces:
        yield piece
