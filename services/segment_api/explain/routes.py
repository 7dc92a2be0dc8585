"""The endpoint that explains: why a user is in a segment, or is not."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from services.runtime.clock import Clock
from services.runtime.problems import ProblemError, problem_answer
from services.runtime.watched import WatchedValue
from services.segment_api.explain.answer import ExplainAnswer, explain_answer
from services.segment_api.parameters import Moment, Space, told_in_query
from services.segment_api.reads import BoundedReads
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segmentation.catalog import Catalog
from services.segmentation.events import SEGMENT_ID_PATTERN, USER_ID_PATTERN
from services.segmentation.explanation.explain import explain
from services.segmentation.membership import Membership
from services.segmentation.partitions import partition_of
from services.segmentation.profile import Profile
from services.segmentation.rules.request import Facts, clocks_for
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile
from services.segmentation.wire.version import UnknownCodec

AT_ONCE = 2
"""Threads that explain; they take the processor from lookups."""
DEADLINE_S = 2.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be explained, of whom, when, and for which ad request."""

    user_id: str
    segment_id: str
    space: str
    at_ms: int | None
    request: Mapping[str, object]


class Explaining:
    """How an explanation is made: one read of what is stored, and then as much work as it takes, in a thread."""

    def __init__(
        self,
        reads: BoundedReads,
        catalog: Callable[[], Catalog],
        zones: TimeZones,
        partitions: int,
        consent_required: bool,
        now_ms: Clock,
    ) -> None:
        self._reads, self._catalog, self._zones, self._partitions = reads, catalog, zones, partitions
        self._consent_required, self._now_ms = consent_required, now_ms
        self._room = asyncio.Semaphore(AT_ONCE)

    async def answer(self, asked: _Asked) -> bytes:
        """An `ExplainAnswer`. Raises ProblemError."""
        by_s, catalog = time.monotonic() + DEADLINE_S, self._catalog()
        if asked.segment_id not in catalog.segments:
            raise ProblemError(HTTPStatus.NOT_FOUND, "there is no segment with this id")
        profile, before = await self._stored(asked, by_s)
        facts = _facts(asked, profile, self._zones.of(asked.space), self._now_ms())
        try:
            async with asyncio.timeout(by_s - time.monotonic()):
                await self._room.acquire()
                work = asyncio.create_task(asyncio.to_thread(self._explained, asked, catalog, profile, before, facts))
                work.add_done_callback(lambda _: self._room.release())
                return await asyncio.shield(work)  # a thread cannot be stopped, and has its room until it ends
        except TimeoutError:
            raise _unavailable("the explanation takes too long") from None

    async def _stored(self, asked: _Asked, by_s: float) -> tuple[Profile | None, Membership | None]:
        place = partition_of(asked.user_id, self._partitions), keys.member(asked.space, asked.user_id)
        found = await self._reads.get([[keys.profile(*place), keys.membership(*place)]], by_s)
        if found is None:
            raise _unavailable("Redis cannot be used now")
        profile, before = found[0]
        try:
            return (
                None if profile is None else decode_profile(profile),
                None if before is None else decode_membership(before),
            )
        except UnknownCodec:
            raise _unavailable("what is stored of the user cannot be read by this version of Tranche") from None

    def _explained(
        self, asked: _Asked, catalog: Catalog, profile: Profile | None, before: Membership | None, facts: Facts
    ) -> bytes:
        zone, consent_required = self._zones.of(asked.space), self._consent_required
        found = explain(profile, catalog, asked.segment_id, zone, facts, before, consent_required=consent_required)
        return orjson.dumps(explain_answer(asked.user_id, found))


def explain_routes(explaining: Explaining, catalog: WatchedValue[Catalog]) -> APIRouter:
    routes = APIRouter(tags=["lookups"])

    @routes.get(
        "/v1/users/{user_id}/segments/{segment_id}/explain",
        summary="Why a user is in a segment, or is not",
        description="The rule as a tree with what each part of it finds, when that changes by itself and what would "
        "change it sooner, and all of it as a sentence. `at`, `space` and every parameter that begins with `request.` "
        "mean what they mean in a lookup.",
        response_model=ExplainAnswer,
        responses={
            400: problem_answer("`at` is before the user's latest event: history is not kept."),
            404: problem_answer("No such segment."),
            503: problem_answer("What is stored of the user cannot be read now."),
        },
    )
    async def one(
        request: Request,
        user_id: Annotated[str, Path(pattern=USER_ID_PATTERN)],
        segment_id: Annotated[str, Path(pattern=SEGMENT_ID_PATTERN)],
        at: Annotated[Moment | None, Query()] = None,
        space: Annotated[Space, Query()] = "default",
        min_catalog: MinCatalog = None,
    ) -> Response:
        await wait_for_catalog(catalog, min_catalog)
        told = told_in_query(request.query_params)
        answer = await explaining.answer(_Asked(user_id, segment_id, space, at, told))
        return Response(answer, media_type="application/json")

    return routes


def _facts(asked: _Asked, profile: Profile | None, zone: tzinfo, now_ms: int) -> Facts:
    """What the request tells, by the clocks of the request, else of the user, else of the space."""
    latest_ms = profile.latest_ms if profile else 0
    at_ms = max(now_ms, latest_ms) if asked.at_ms is None else asked.at_ms
    if at_ms < latest_ms:
        detail = f"at is before the user's latest event ({latest_ms}); history is not kept"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    own = profile.own_zone if profile else None
    return Facts(at_ms, clocks_for(asked.request, own, zone), asked.request, as_text=True)


def _unavailable(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})
