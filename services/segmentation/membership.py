"""Which segments a user is in and when, as worked out after the latest event. Everything that decides it lives here.

A membership answers for every moment from `latest_ms` to `exact_until_ms`. It holds at most `MAX_SPANS` intervals of
a segment, so a rule that comes and goes many times limits `exact_until_ms`; beyond it the profile is evaluated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from services.segmentation.catalog import Catalog, Segment
from services.segmentation.intervals import START, Intervals, clip, spans
from services.segmentation.profile import Profile

MAX_SPANS = 4


class Span(NamedTuple):
    """The user is in the segment with this ordinal during [since_ms, until_ms); until None: with no end in sight."""

    ordinal: int
    since_ms: int
    until_ms: int | None

    def covers(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class Membership:
    catalog_version: int
    latest_ms: int
    spans: tuple[Span, ...] = ()
    exact_until_ms: int | None = None
    """The first moment that the spans say nothing about; None when they tell everything."""
    purposes: frozenset[int] | None = None
    """The purposes granted; None without a consent record."""

    def is_exact_at(self, at_ms: int) -> bool:
        return self.exact_until_ms is None or at_ms < self.exact_until_ms

    def at(self, at_ms: int) -> Iterator[Span]:
        return (span for span in self.spans if span.covers(at_ms))

    def allows(self, segment: Segment) -> bool:
        """Whether consent permits to serve the segment: a user without a record is served."""
        return self.purposes is None or self.purposes.issuperset(segment.definition.purposes)


def judge(
    profile: Profile, catalog: Catalog, before: Membership | None = None, max_spans: int | None = MAX_SPANS
) -> Membership:
    """Evaluate every segment for a profile.

    A span that holds at the latest event keeps the beginning that `before` knows, unless the segment was edited
    since; otherwise it begins with that event.
    """
    begun_ms = _begun_ms(profile, catalog, before)
    kept: list[Span] = []
    beyond_ms: list[int] = []
    for segment in catalog.segments.values():
        if moments := clip(segment.moments(profile), profile.latest_ms):
            found = _spans(moments, segment.ordinal, begun_ms.get(segment.ordinal, profile.latest_ms))
            kept += found[:max_spans]
            if max_spans is not None and len(found) > max_spans:
                beyond_ms.append(found[max_spans].since_ms)
    exact_until_ms = min(beyond_ms, default=None)
    return Membership(catalog.version, profile.latest_ms, tuple(sorted(kept)), exact_until_ms, profile.purposes)


def _begun_ms(profile: Profile, catalog: Catalog, before: Membership | None) -> dict[int, int]:
    """Since when the user has been in each segment that `before` was right about, by ordinal."""
    if before is None:
        return {}
    return {
        span.ordinal: span.since_ms
        for span in before.at(profile.latest_ms)
        if (segment := catalog.by_ordinal.get(span.ordinal)) and segment.version <= before.catalog_version
    }


def _spans(moments: Intervals, ordinal: int, begun_ms: int) -> list[Span]:
    """The intervals as spans of a segment; one that is already true has begun at `begun_ms`."""
    return [
        Span(ordinal, begun_ms if since_ms == START else since_ms, until_ms) for since_ms, until_ms in spans(moments)
    ]
