"""What a rule would do before it is saved, estimated from a random sample of users."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from services.runtime.clock import Clock
from services.runtime.problems import ProblemError
from services.segment_api.lookups.answer import Answering, Question
from services.segment_api.preview.candidate import Candidate
from services.segment_api.preview.sample import Sample, Sampler, State, states
from services.segment_api.preview.tally import Tally
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Pace
from services.segmentation.catalog import Catalog
from services.segmentation.coverage import covered_since
from services.segmentation.intervals import START
from services.segmentation.membership import Membership
from services.segmentation.rules import nodes
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.profile import decode_profile

USERS = 2_000
BUDGET_S = 0.7
"""Of the second within which a preview answers."""
MEANT = 0.25
"""The part of the drawn users that there should be time for, lookups coming first."""

Remark = Mapping[str, str]


@dataclass(frozen=True)
class Wish:
    """A rule to be previewed, and for whom."""

    catalog: Catalog
    """The one in force."""
    edited: Catalog
    """The same with the rule in it."""
    segment_id: str
    space: str
    request: Mapping[str, object] | None
    """What the ad request tells, by dotted path; None: whatever the rule would like it to tell."""


@dataclass(frozen=True)
class Preview:
    """`warnings` tells what a rule should be looked at again for.

    `unreadable` is told of stored bytes that cannot be read; such users are counted and left out.
    """

    sampler: Sampler
    reads: BoundedReads
    zones: TimeZones
    consent_required: bool
    now_ms: Clock
    warnings: Callable[[nodes.Rule], Sequence[Remark]]
    unreadable: Callable[[Exception], None]
    users: int = USERS
    budget_s: float = BUDGET_S
    pace: Pace = field(default_factory=Pace)

    async def of(self, wish: Wish) -> dict[str, Any]:
        """The answer. Raises REDIS_ERRORS, and ProblemError (503) where no user could be read in time."""
        by_s = time.monotonic() + self.budget_s
        sample = await self.sampler.draw(self.users, wish.space)
        candidate, tally = self._candidate(wish), Tally()
        others = partial(_others, self._answering(wish), _left_out(wish))
        async for state in states(self.reads, sample.users, by_s, self.pace):
            self._count(tally, candidate, others, state)
        if sample.users and not tally.users:
            detail = "no user's state could be read in time"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})
        warnings = [*self.warnings(candidate.rule), *_warnings(sample, tally, candidate)]
        return {**tally.answer(sample), "asks": candidate.asks, "warnings": warnings}

    def _count(
        self, tally: Tally, candidate: Candidate, others: Callable[[State], Collection[str]], state: State
    ) -> None:
        try:
            profile = decode_profile(state.profile)
            found = keys.user_id_of(state.user.member), candidate.span(profile), others(state)
            moments = [
                covered_since(part.segment.rule, profile, candidate.zone, candidate.catalog.outputs)
                for part in candidate.parts
            ]
        except Exception as error:  # bytes of a newer version, or damaged ones: nothing that is wrong with the rule
            self.unreadable(error)
            tally.unreadable += 1
            return
        tally.add(*found)
        tally.covered.update(moment for moment in moments if moment is not None)

    def _candidate(self, wish: Wish) -> Candidate:
        zone = self.zones.of(wish.space)
        return Candidate(wish.edited, wish.segment_id, zone, wish.request, self.now_ms(), self.consent_required)

    def _answering(self, wish: Wish) -> Answering:
        question = Question(wish.space, None, True, wish.request or {})
        stranger = Membership(wish.catalog.version, START)
        zone = self.zones.of(wish.space)
        return Answering(question, wish.catalog, stranger, zone, self.now_ms(), self.consent_required)


def _left_out(wish: Wish) -> Collection[str]:
    """Existing segments that nothing can be said of, since nobody knows what they would be told."""
    return frozenset() if wish.request is not None else {name for name, each in wish.catalog.ready.items() if each.asks}


def _others(answering: Answering, left_out: Collection[str], state: State) -> Collection[str]:
    """The existing segments that a lookup would answer with."""
    answer = answering.from_membership("", state.membership) or answering.from_profile(
        "", state.membership, state.profile
    )
    return [segment_id for segment_id in answer["segments"] if segment_id not in left_out]


def _warnings(sample: Sample, tally: Tally, candidate: Candidate) -> list[Remark]:
    found = []
    if tally.users + tally.unreadable < MEANT * len(sample.users):
        found.append(("partial_sample", f"there was time for {tally.users} of {len(sample.users)} sampled users"))
    if tally.unreadable:
        found.append(("unreadable_users", f"{tally.unreadable} sampled users cannot be read and are left out"))
    if candidate.asks and candidate.request is None:
        message = "the rule asks the ad request: the size counts the users for whom some request makes it true"
        found.append(("asks_request", message))
    return [{"code": code, "message": message} for code, message in found]
