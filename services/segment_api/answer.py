"""What a lookup answers, given the bytes that are stored. Everything that decides it lives here, and it does no I/O."""

from dataclasses import dataclass
from typing import Any

from services.segmentation.catalog import Catalog
from services.segmentation.membership import Membership, judge
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Which segments a user of `space` is in at `at_ms`; None stands for the later of now and the latest event."""

    space: str = "default"
    at_ms: int | None = None
    ids_only: bool = False


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers one question about any users, as of `now_ms`. Stored bytes that cannot be read raise whatever they do."""

    question: Question
    catalog: Catalog
    now_ms: int
    consent_required: bool

    def from_membership(self, user_id: str, stored: bytes | None) -> Answer | None:
        """From the stored membership; None where it does not reach the moment asked for."""
        if stored is None:
            return self._empty(user_id, degraded=False)
        membership = decode_membership(stored)
        return self._answer(user_id, membership) if membership.is_exact_at(self._at_ms(membership)) else None

    def from_profile(self, user_id: str, stored: bytes, profile: bytes) -> Answer:
        """By evaluating every segment; the stored membership still tells since when the user has been in some."""
        whole = judge(decode_profile(profile), self.catalog, decode_membership(stored), max_spans=None)
        return self._answer(user_id, whole)

    def degraded(self, user_id: str) -> Answer:
        return self._empty(user_id, degraded=True)

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

    def _segments(self, membership: Membership, at_ms: int) -> list[Any]:
        if self.consent_required and membership.purposes is None:
            return []
        found = [
            (segment.id, span)
            for span in membership.at(at_ms)
            if (segment := self.catalog.by_ordinal.get(span.ordinal)) is not None and membership.allows(segment)
        ]
        found.sort()
        if self.question.ids_only:
            return [segment_id for segment_id, _ in found]
        return [{"id": segment_id, "since": span.since_ms, "until": span.until_ms} for segment_id, span in found]

    def _empty(self, user_id: str, *, degraded: bool) -> Answer:
        at_ms = self.now_ms if self.question.at_ms is None else self.question.at_ms
        return {"user_id": user_id, "known": False, "at": at_ms, "segments": [], "degraded": degraded}
