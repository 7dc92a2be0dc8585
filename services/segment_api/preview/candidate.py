"""What a rule that is not saved would say of a user. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property, reduce

from services.segmentation.catalog import Catalog, Ready
from services.segmentation.intervals import ALWAYS, START, Intervals, clip, intersection, spans, union
from services.segmentation.membership import Span
from services.segmentation.profile import Profile
from services.segmentation.rules import nodes
from services.segmentation.rules.request import Facts, answer, clocks_for
from services.segmentation.rules.residual import Asked, Either, Every, Residual, settle
from services.segmentation.rules.scene import Scene


@dataclass(frozen=True)
class Candidate:
    """One segment of a catalog, as lookups would answer with it at the later of now and a user's latest event."""

    catalog: Catalog
    segment_id: str
    zone: tzinfo
    """By whose clocks the space goes."""
    request: Mapping[str, object] | None
    """What the ad request tells, by dotted path; None: whatever the rule would like it to tell."""
    now_ms: int
    consent_required: bool

    @cached_property
    def parts(self) -> Sequence[Ready]:
        """What it is composed of, and last the segment itself."""
        return list(self.catalog.with_parts([self.segment_id]))

    @property
    def rule(self) -> nodes.Rule:
        return self.parts[-1].segment.rule

    @property
    def asks(self) -> Sequence[str]:
        """The conditions on the ad request, as the rule language has them."""
        return [str(question) for question in self.parts[-1].questions]

    def span(self, profile: Profile) -> Span | None:
        """Since when and until when the user is in it, if so; it begins with the latest event where it did before."""
        if not self._is_allowed(profile.purposes):
            return None
        segment, at_ms = self.parts[-1].segment, max(self.now_ms, profile.latest_ms)
        moments = clip(self._moments(profile, at_ms), profile.latest_ms)
        found = (
            Span(segment.ordinal, profile.latest_ms if since_ms == START else since_ms, until_ms)
            for since_ms, until_ms in spans(moments)
        )
        return next((span for span in found if span.covers(at_ms)), None)

    def _moments(self, profile: Profile, at_ms: int) -> Intervals:
        found: dict[str, Residual] = {}
        scene = Scene(profile, self.zone, found, self.catalog.outputs)
        for part in self.parts:
            found[part.segment.id] = part.moments(scene)
        residual = found[self.segment_id]
        if isinstance(residual, tuple) or self.request is None:
            return possible(residual)
        facts = Facts(at_ms, clocks_for(self.request, profile.own_zone, self.zone), self.request)
        answers = [answer(question, facts) for question in self.parts[-1].questions]
        return settle(residual, answers.__getitem__)

    def _is_allowed(self, purposes: frozenset[int] | None) -> bool:
        if purposes is None:
            return not self.consent_required
        return purposes.issuperset(self.parts[-1].segment.definition.purposes)


def possible(residual: Residual) -> Intervals:
    """When it could hold if the request answered every condition as it suits best, each by itself."""
    match residual:
        case Asked():
            return ALWAYS
        case Every(parts):
            return reduce(intersection, map(possible, parts))
        case Either(parts):
            return reduce(union, map(possible, parts))
        case moments:
            return moments
