"""A rule that is tried: when it holds for one profile, if nothing else happens and every request says the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from services.segmentation.catalog import Catalog, Ready
from services.segmentation.intervals import START, Intervals, contains
from services.segmentation.keep import KeepList
from services.segmentation.membership import Membership, judge
from services.segmentation.profile import Profile
from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import local_time
from services.segmentation.rules.request import HOUR, WEEKDAY, Facts, answer, clocks_for
from services.segmentation.rules.residual import Residual, settle

HOUR_MS = 3_600_000
Steps = Iterator[tuple[int, bool]]
"""Rising moments, each with whether the rule holds from there to the next."""


@dataclass(frozen=True, slots=True)
class Trial:
    catalog: Catalog
    segment_id: str
    """The segment of the catalog whose rule is tried."""
    keep: KeepList
    zone: tzinfo
    """That of the calendar of the space, and of what is shown."""
    request: Mapping[str, object] = field(default_factory=dict)
    """What the ad request tells by dotted path, as text."""

    @property
    def ready(self) -> Ready:
        return self.catalog.ready[self.segment_id]

    @property
    def asks_the_clock(self) -> bool:
        """Whether it looks at the hour or the weekday, so that it comes and goes for ever."""
        paths = {term.path for each in self.ready.questions if isinstance(term := nodes.term_of(each), nodes.Request)}
        return bool({HOUR, WEEKDAY} & paths - self.request.keys())

    def steps(self, profile: Profile, from_ms: int, to_ms: int | None) -> Steps:
        """When the rule holds in [from_ms, to_ms), which may be without an end unless the rule asks the clock.

        Nothing is known of the time before the profile's latest fact.
        """
        membership = judge(profile, self.catalog, self.zone, max_spans=None, only=[self.segment_id])
        if not membership.residuals:
            return _between(_moments(membership), from_ms, to_ms)
        ((_, residual),) = membership.residuals
        zone = clocks_for(self.request, membership.time_zone, self.zone)
        if not self.asks_the_clock:
            return _between(self._settled(residual, from_ms, zone), from_ms, to_ms)
        assert to_ms is not None
        return self._hour_by_hour(residual, zone, from_ms, to_ms)

    def _hour_by_hour(self, residual: Residual, zone: tzinfo, from_ms: int, to_ms: int) -> Steps:
        while from_ms < to_ms:
            hour_ends_ms = min(_next_hour_ms(from_ms, zone), to_ms)
            yield from _between(self._settled(residual, from_ms, zone), from_ms, hour_ends_ms)
            from_ms = hour_ends_ms

    def _settled(self, residual: Residual, at_ms: int, zone: tzinfo) -> Intervals:
        facts = Facts(at_ms, zone, self.request, as_text=True)
        answers = [answer(question, facts) for question in self.ready.questions]
        return settle(residual, answers.__getitem__)


def _moments(membership: Membership) -> Intervals:
    bounds = [
        bound
        for span in membership.spans
        for bound in (START if span.since_ms == membership.latest_ms else span.since_ms, span.until_ms)
    ]
    return tuple(bound for bound in bounds if bound is not None)


def _between(moments: Intervals, from_ms: int, to_ms: int | None) -> Steps:
    yield from_ms, contains(moments, from_ms)
    for at_ms in moments:
        if from_ms < at_ms and (to_ms is None or at_ms < to_ms):
            yield at_ms, contains(moments, at_ms)


def _next_hour_ms(at_ms: int, zone: tzinfo) -> int:
    """When the clocks next show another hour; they are set forward and back at the turn of one."""
    shown = local_time(at_ms, zone)
    into_ms = shown.minute * 60_000 + shown.second * 1_000 + shown.microsecond // 1_000
    return at_ms + HOUR_MS - into_ms
