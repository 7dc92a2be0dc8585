"""What a lookup answers, given the bytes that are stored. Everything that decides it lives here, and it does no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, NamedTuple

from services.segmentation.catalog import Catalog
from services.segmentation.intervals import START, spans
from services.segmentation.membership import Membership, Residuals, Span, judge
from services.segmentation.rules.request import Facts, answer, clocks_for
from services.segmentation.rules.residual import Residual, settle
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Which segments a user of `space` is in at `at_ms`; None stands for the later of now and the latest event."""

    space: str = "default"
    at_ms: int | None = None
    ids_only: bool = False
    request: Mapping[str, object] = field(default_factory=dict)
    """What the ad request tells, by dotted path."""
    as_text: bool = False
    """Whether it was told in a query string, which knows nothing but text."""


class Answering(NamedTuple):
    """Answers one question about any users, as of `now_ms`. Stored bytes that cannot be read raise whatever they do."""

    question: Question
    catalog: Catalog
    stranger: Membership
    """That of a user of whom nothing is known, in the segments that ask the request."""
    zone: tzinfo
    """By whose clocks the space goes."""
    now_ms: int
    consent_required: bool

    def from_membership(self, user_id: str, stored: bytes | None) -> Answer | None:
        """From the stored membership; None where it is too old, or does not reach the moment asked for."""
        if stored is None:
            return self._unknown(user_id)
        membership = decode_membership(stored)
        reaches = membership.is_exact_at(self._at_ms(membership))
        return self._answer(user_id, membership) if reaches and self._is_current(membership) else None

    def from_profile(self, user_id: str, stored: bytes, profile: bytes) -> Answer:
        """By evaluating what the stored membership does not tell, which is everything where it does not reach."""
        membership = decode_membership(stored)
        tells = membership.is_exact_at(self._at_ms(membership)) and membership.catalog_version <= self.catalog.version
        only = self.catalog.edited_since(membership.catalog_version) if tells else None
        whole = judge(decode_profile(profile), self.catalog, self.zone, membership, max_spans=None, only=only)
        return self._answer(user_id, whole)

    def degraded(self, user_id: str) -> Answer:
        return self._empty(user_id, degraded=True)

    def _is_current(self, membership: Membership) -> bool:
        """Whether its spans are right by the catalog in force here.

        One that is newer than this process knows is right for others already; but what it asks the request is
        numbered by a rule that may not be known here yet.
        """
        if membership.catalog_version > self.catalog.version:
            return not membership.residuals
        return not self.catalog.edited_since(membership.catalog_version)

    def _at_ms(self, membership: Membership) -> int:
        asked_ms = self.question.at_ms
        return max(self.now_ms, membership.latest_ms) if asked_ms is None else asked_ms

    def _answer(self, user_id: str, membership: Membership) -> Answer:
        at_ms = self._at_ms(membership)
        answer = {"user_id": user_id, "known": True, "at": at_ms, "segments": [], "degraded": False}
        if at_ms < membership.latest_ms:
            latest = f"the user's latest event ({membership.latest_ms})"
            return {**answer, "error": f"at is before {latest}; history is not kept"}
        return {**answer, "segments": self._segments(membership, at_ms)}

    def _unknown(self, user_id: str) -> Answer:
        empty = self._empty(user_id, degraded=False)
        return {**empty, "segments": self._segments(self.stranger, empty["at"])}

    def _segments(self, membership: Membership, at_ms: int) -> list[Any]:
        if self.consent_required and membership.purposes is None:
            return []
        found = [
            (segment.id, span)
            for span in self._spans(membership, at_ms)
            if (segment := self.catalog.by_ordinal.get(span.ordinal)) is not None
            and segment.definition.status == "live"
            and membership.allows(segment)
        ]
        found.sort()
        if self.question.ids_only:
            return [segment_id for segment_id, _ in found]
        return [
            {"id": segment_id, "since": at_ms if span.since_ms == START else span.since_ms, "until": span.until_ms}
            for segment_id, span in found
        ]

    def _spans(self, membership: Membership, at_ms: int) -> Iterator[Span]:
        yield from membership.at(at_ms)
        if membership.residuals:
            facts = facts_of(self.question, at_ms, membership.time_zone, self.zone)
            yield from asked_spans(self.catalog, membership.residuals, membership.latest_ms, facts)

    def _empty(self, user_id: str, *, degraded: bool) -> Answer:
        at_ms = self.now_ms if self.question.at_ms is None else self.question.at_ms
        return {"user_id": user_id, "known": False, "at": at_ms, "segments": [], "degraded": degraded}


def facts_of(question: Question, at_ms: int, own_zone: str | None, zone: tzinfo) -> Facts:
    """What the ad request tells of a user with a time zone, or none, of their own."""
    return Facts(at_ms, clocks_for(question.request, own_zone, zone), question.request, question.as_text)


def asked_spans(catalog: Catalog, residuals: Residuals, latest_ms: int, facts: Facts) -> Iterator[Span]:
    """The spans that a request sees at its moment of the segments that ask it."""
    for ordinal, residual in residuals:
        if segment := catalog.by_ordinal.get(ordinal):
            answers = [answer(each, facts) for each in catalog.ready[segment.id].questions]
            yield from _settled(ordinal, residual, answers, latest_ms, facts.at_ms)


def _settled(ordinal: int, residual: Residual, answers: Sequence[bool], latest_ms: int, at_ms: int) -> Iterator[Span]:
    """The span of a segment that a request with these answers sees at a moment, if any."""
    for since_ms, until_ms in spans(settle(residual, answers.__getitem__)):
        span = Span(ordinal, latest_ms if since_ms == START else since_ms, until_ms)
        if span.covers(at_ms):
            yield span
