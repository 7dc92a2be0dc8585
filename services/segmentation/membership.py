"""Which segments a user is in and when, as worked out after the latest event. Everything that decides it lives here.

A membership answers for every moment from `latest_ms` to `exact_until_ms`. It holds at most `MAX_SPANS` intervals of
a segment, so a rule that comes and goes many times limits `exact_until_ms`; beyond it the profile is evaluated. What
depends on the ad request as well is held as a residual, to be settled when a lookup is made.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import NamedTuple

from services.segmentation.catalog import Catalog, Ready, Segment
from services.segmentation.intervals import START, Intervals, clip, spans
from services.segmentation.profile import Profile
from services.segmentation.rules.evaluate import Scene
from services.segmentation.rules.residual import Residual, change, size

MAX_SPANS = 4
MAX_RESIDUAL = 32
"""Questions and boundaries of the residual of one segment; a profile that makes a larger one is always evaluated."""


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
    residuals: tuple[tuple[int, Residual], ...] = ()
    """By ordinal, what depends on the request too: its answers to the questions of the segment."""
    time_zone: str | None = None
    """The user's, where a residual may need the hour."""
    counted: bool = True
    """Whether the sizes of segments have counted it: those of an earlier codec were never counted."""

    def is_exact_at(self, at_ms: int) -> bool:
        return self.exact_until_ms is None or at_ms < self.exact_until_ms

    def at(self, at_ms: int) -> Iterator[Span]:
        return (span for span in self.spans if span.covers(at_ms))

    def allows(self, segment: Segment) -> bool:
        """Whether consent permits to serve the segment: a user without a record is served."""
        return self.purposes is None or self.purposes.issuperset(segment.definition.purposes)


def judge(
    profile: Profile,
    catalog: Catalog,
    zone: tzinfo,
    before: Membership | None = None,
    max_spans: int | None = MAX_SPANS,
    only: Collection[str] | None = None,
) -> Membership:
    """Evaluate every segment for a profile, or `only` some; `zone` is that of the space's calendar.

    A span that holds at the latest event keeps the beginning that `before` knows, unless the segment was edited
    since; otherwise it begins with that event. What is not evaluated is as `before` says.
    """
    wanted, ready = (catalog.ready, catalog.ready.values()) if only is None else (only, catalog.with_parts(only))
    begun_ms = _begun_ms(profile, catalog, before)
    kept, residuals, inexact_ms = ([], [], []) if only is None or before is None else _others(before, catalog, only)
    for segment, moments in _evaluated(profile, ready, zone):
        if segment.id not in wanted or not moments:
            continue
        if isinstance(moments, tuple):
            found = _spans(moments, segment.ordinal, begun_ms.get(segment.ordinal, profile.latest_ms))
            kept += found[:max_spans]
            inexact_ms += [] if max_spans is None else [span.since_ms for span in found[max_spans : max_spans + 1]]
        elif max_spans is None or size(moments) <= MAX_RESIDUAL:
            residuals.append((segment.ordinal, moments))
        else:
            inexact_ms.append(profile.latest_ms)
    return Membership(
        catalog.version,
        profile.latest_ms,
        tuple(sorted(kept)),
        min(inexact_ms, default=None),
        profile.purposes,
        tuple(residuals),
        profile.own_zone if residuals else None,
    )


def _evaluated(profile: Profile, ready: Iterable[Ready], zone: tzinfo) -> Iterator[tuple[Segment, Residual]]:
    found: dict[str, Residual] = {}
    scene = Scene(profile, zone, found)
    clipped = partial(clip, from_ms=profile.latest_ms)
    for each in ready:
        moments = found[each.segment.id] = each.moments(scene)
        yield (
            each.segment,
            clipped(moments) if isinstance(moments, tuple) else change(moments, clipped, lambda number: number),
        )


def _others(
    before: Membership, catalog: Catalog, only: Collection[str]
) -> tuple[list[Span], list[tuple[int, Residual]], list[int]]:
    """What a membership says of the segments that are not to be evaluated, and from when on it says nothing."""
    ordinals = {segment.ordinal for segment_id, segment in catalog.segments.items() if segment_id not in only}
    return (
        [span for span in before.spans if span.ordinal in ordinals],
        [(ordinal, residual) for ordinal, residual in before.residuals if ordinal in ordinals],
        [] if before.exact_until_ms is None else [before.exact_until_ms],
    )


def _begun_ms(profile: Profile, catalog: Catalog, before: Membership | None) -> dict[int, int]:
    """Since when the user has been in each segment that `before` was right about, by ordinal."""
    if before is None or before.catalog_version > catalog.version:  # of an edit that Redis has lost
        return {}
    edited = catalog.edited_since(before.catalog_version)
    return {
        span.ordinal: span.since_ms
        for span in before.at(profile.latest_ms)
        if (segment := catalog.by_ordinal.get(span.ordinal)) and segment.id not in edited
    }


def _spans(moments: Intervals, ordinal: int, begun_ms: int) -> list[Span]:
    """The intervals as spans of a segment; one that is already true has begun at `begun_ms`."""
    return [
        Span(ordinal, begun_ms if since_ms == START else since_ms, until_ms) for since_ms, until_ms in spans(moments)
    ]
