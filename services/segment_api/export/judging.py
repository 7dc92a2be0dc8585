"""Whether users are members of one segment: what an export says of them, as a lookup would. No I/O."""

from dataclasses import dataclass
from datetime import tzinfo

from services.segment_api.export.format import Member
from services.segmentation.catalog import Catalog
from services.segmentation.membership import Membership, judge
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile


class Untold(Exception):
    """The stored membership is too old, or does not reach the moment asked for: the profile has to tell."""


@dataclass(frozen=True, slots=True)
class Judging:
    """At `at_ms`, or at the user's latest event where that is later. Stored bytes that cannot be read raise
    UnknownCodec."""

    catalog: Catalog
    segment_id: str
    zone: tzinfo
    """By whose clocks the space goes."""
    at_ms: int
    consent_required: bool

    def by_membership(self, user_id: str, stored: bytes) -> Member | None:
        """The user as a member; None where the user is none. Raises Untold."""
        membership = decode_membership(stored)
        if not membership.is_exact_at(self._at_ms(membership)):
            raise Untold
        if self.segment_id in self.catalog.edited_since(membership.catalog_version):
            raise Untold
        return self._member(user_id, membership)

    def by_profile(self, user_id: str, stored: bytes, profile: bytes) -> Member | None:
        before = decode_membership(stored)
        whole = judge(decode_profile(profile), self.catalog, self.zone, before, max_spans=None, only=[self.segment_id])
        return self._member(user_id, whole)

    def _member(self, user_id: str, membership: Membership) -> Member | None:
        segment, at_ms = self.catalog.segments[self.segment_id], self._at_ms(membership)
        if not membership.allows(segment) or (self.consent_required and membership.purposes is None):
            return None
        spans = (span for span in membership.at(at_ms) if span.ordinal == segment.ordinal)
        return next((Member(user_id, span.since_ms, span.until_ms) for span in spans), None)

    def _at_ms(self, membership: Membership) -> int:
        return max(self.at_ms, membership.latest_ms)
