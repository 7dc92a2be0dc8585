"""`POST /v1/segments/preview`: what a rule would do, before it is saved."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.problems import problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.parameters import Space, told_in_json
from services.segment_api.preview.preview import Preview, Wish
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edits import BAD_RULE, FULL, refusals
from services.segment_api.segments.views import CoveredSince, RuleWarning, as_json
from services.segment_api.turns import Turns
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.events import SEGMENT_ID_PATTERN, Purpose
from services.segmentation.keep import KeepList

MAX_BODY_BYTES = 256 * 1024
AT_ONCE = 2
UNNAMED = "(preview)"  # no id that a segment can have

Share = Annotated[float, Field(ge=0, le=1)]


class PreviewRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rule: str = Field(min_length=1, max_length=10_000)
    space: Space = "default"
    purposes: list[Purpose] = Field(
        default_factory=list, max_length=63, description="that a user with a consent record must have granted"
    )
    request: dict[str, Any] | None = Field(
        None, description="what the ad request tells, as an object or by dotted names: what request() reads"
    )
    id: Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)] | None = Field(
        None, description="the segment that the rule is meant for, which must not be composed of itself"
    )


class Interval(BaseModel):
    share: tuple[Share, Share]
    size: tuple[int, int]
    confidence: float


class Example(BaseModel):
    user_id: str
    since: int = Field(description="milliseconds; no earlier than the user's latest event, for what held before it")
    until: int | None


class Overlap(BaseModel):
    """How an existing segment and the rule go together; where `id` was given, also its saved version and the rule."""

    id: str
    share_of_this: Share = Field(description="of the users of the rule, those who are in the segment")
    share_of_that: Share = Field(description="of the users of the segment, those whom the rule holds for")
    users: int = Field(description="those in both")


class PreviewAnswer(BaseModel):
    users: int = Field(description="users of the space; an estimate where several spaces share the store")
    sample: int = Field(description="users that were looked at; all, where they are few")
    size: int = Field(description="the estimated number of users whom a lookup would answer with this segment now")
    share: Share = Field(description="the same as a part of the users of the space")
    interval: Interval = Field(description="what lies between these bounds with this confidence; exact where they meet")
    examples: list[Example]
    overlaps: list[Overlap] = Field(description="with live segments, the largest first")
    covered_since: CoveredSince
    asks: list[str] = Field(description="what the rule asks the ad request")
    warnings: list[RuleWarning]


def preview_routes(preview: Preview, store: CatalogStore, keep: KeepList, bodies: Bodies) -> APIRouter:
    routes = APIRouter(tags=["segments"])
    turns = Turns("previews", AT_ONCE, retry_after_s=1)

    @routes.post(
        "/v1/segments/preview",
        summary="What a rule would do, before it is saved",
        description="Estimated from a random sample of users within a second; nothing is changed. The size is that "
        "of the users whom a lookup would answer with the segment now, by their consent too. What a rule asks with "
        "request() is answered by `request`; without it, the size counts the users for whom some request could make "
        "the rule true, each condition on the request taken by itself, and segments that ask the request are not "
        "among the overlaps.",
        response_model=PreviewAnswer,
        responses={
            **FULL,
            **BAD_RULE,
            503: problem_answer("Redis cannot be reached, or there are too many previews at once."),
        },
        openapi_extra=bodies.schema(PreviewRequest),
    )
    async def preview_of(request: Request) -> Response:
        asked = await bodies.read(request, PreviewRequest, MAX_BODY_BYTES)
        with turns.one():
            return as_json(await preview.of(_wish(await store.read(), asked, keep)))

    return routes


def _wish(catalog: Catalog, asked: PreviewRequest, keep: KeepList) -> Wish:
    segment_id = asked.id or UNNAMED
    definition = SegmentDefinition(name="preview", rule=asked.rule, purposes=asked.purposes)
    with refusals():
        edited = catalog.put(segment_id, definition, keep)
    told = None if asked.request is None else told_in_json(asked.request)
    return Wish(catalog, edited, segment_id, asked.space, told)
