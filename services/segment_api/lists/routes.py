"""The endpoints for lists: upload to them, take off them, see what was uploaded, forget."""

import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.lists import contract
from services.segment_api.lists.contract import Author, ListId, Skip, UploadId
from services.segment_api.lists.store import ListStore, Uploads, Wish
from services.segment_api.lists.upload import ListUploads
from services.segment_api.parameters import Moment, Space
from services.segmentation.catalog import Catalog, Segment
from services.segmentation.rules import nodes
from services.segmentation.rules.durations import parse_duration

ReadCatalog = Callable[[], Awaitable[Catalog]]


def list_routes(uploads: ListUploads, store: ListStore, read_catalog: ReadCatalog) -> APIRouter:
    routes = APIRouter(tags=["lists"], responses={503: problem_answer("Redis or the event log cannot be used now.")})

    @routes.post("/v1/lists/{list_id}/members", summary="Put ids on a list", description=contract.ADD, **_upload())
    async def add(
        request: Request,
        list_id: ListId,
        expires: Annotated[Moment | None, Query(description="when they leave the list")] = None,
        lasting: Annotated[str | None, Query(alias="for", description="the same as a duration, such as 30d")] = None,
        space: Annotated[Space, Query()] = "default",
        upload: UploadId = None,
        skip: Skip = 0,
        author: Author = None,
    ) -> Response:
        lasting_ms = _duration_ms(lasting, expires)
        wish = Wish(upload or _new_id(), "add", space, expires, lasting_ms, author)
        return _json(asdict(await uploads.take(request, list_id, wish, skip)), HTTPStatus.ACCEPTED)

    @routes.post(
        "/v1/lists/{list_id}/members/remove", summary="Take ids off a list", description=contract.REMOVE, **_upload()
    )
    async def remove(
        request: Request,
        list_id: ListId,
        space: Annotated[Space, Query()] = "default",
        upload: UploadId = None,
        skip: Skip = 0,
        author: Author = None,
    ) -> Response:
        wish = Wish(upload or _new_id(), "remove", space, author=author)
        return _json(asdict(await uploads.take(request, list_id, wish, skip)), HTTPStatus.ACCEPTED)

    @routes.get("/v1/lists", summary="All lists, sorted by id", response_model=contract.Lists)
    async def every() -> Response:
        known, used = await store.every(), _used(await read_catalog())
        return _json({"lists": [_view(name, known.get(name, ()), used) for name in sorted({*known, *used})]})

    @routes.get(
        "/v1/lists/{list_id}",
        summary="What was uploaded to a list, and who uses it",
        response_model=contract.ListView,
        responses={404: problem_answer("No such list: nothing was uploaded to it, and no rule names it.")},
    )
    async def one(list_id: ListId) -> Response:
        known, used = await store.uploads(list_id), _used(await read_catalog())
        if not known and list_id not in used:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no list with this id")
        return _json(_view(list_id, known, used))

    @routes.delete(
        "/v1/lists/{list_id}",
        summary="Forget a list",
        description=contract.FORGET,
        status_code=HTTPStatus.NO_CONTENT,
        responses={
            404: problem_answer("No such list."),
            409: problem_answer(
                "The rules of segments name it: `used_by`.", {"used_by": {"type": "array", "items": {"type": "string"}}}
            ),
        },
    )
    async def forget(list_id: ListId) -> Response:
        if names := _used(await read_catalog()).get(list_id):
            detail = f"it is named by the rules of {', '.join(names)}"
            raise ProblemError(HTTPStatus.CONFLICT, detail, members={"used_by": names})
        if not await store.forget(list_id):
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no list with this id")
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return routes


def _upload() -> dict[str, Any]:
    return {
        "status_code": HTTPStatus.ACCEPTED,
        "response_model": contract.UploadAnswer,
        "responses": contract.upload_answers(),
        "openapi_extra": contract.body(),
    }


def _duration_ms(text: str | None, expires_ms: int | None) -> int | None:
    """Raises ProblemError (422)."""
    if text is None:
        return None
    if expires_ms is not None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expires and for: send one of them")
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"for: expected {error}") from None


def _new_id() -> str:
    return secrets.token_hex(6)


def _used(catalog: Catalog) -> Mapping[str, list[str]]:
    """The ids of the segments whose rules name a list, by its id."""
    used: dict[str, list[str]] = {}
    for segment_id in sorted(catalog.segments):
        for list_id in _lists_in(catalog.segments[segment_id]):
            used.setdefault(list_id, []).append(segment_id)
    return used


def _lists_in(segment: Segment) -> set[str]:
    # To read a rule takes a hundred times as long as to see that it names no list, in any spelling of the term.
    if "listed" not in unicodedata.normalize("NFKC", segment.definition.rule):
        return set()
    return {leaf.list_id for leaf in nodes.leaves(segment.rule) if isinstance(leaf, nodes.Listed)}


def _view(list_id: str, uploads: Uploads, used: Mapping[str, list[str]]) -> dict[str, Any]:
    return {"id": list_id, "used_by": used.get(list_id, []), "uploads": [each.model_dump() for each in uploads]}


def _json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
