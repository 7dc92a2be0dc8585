"""Which segments a user is in and when, as worked out after the latest event. Everything that decides it lives here.

A membership answers for every moment from `latest_ms` to `exact_until_ms`. It holds at most `MAX_SPANS` intervals of
a segment, so a rule that comes and goes many times limits `exact_until_ms`; beyond it the profile is evaluated. What
depends on the ad request as well is held as a residual, to be settled when a lookup is made.
"""

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from operator import itemgetter
from typing import NamedTuple

from services.segmentation.catalog import Catalog
from services.segmentation.intervals import START, Intervals, spans
from services.segmentation.profile import Profile
from services.segmentation.rules.residual import Residual, from_moment, size
from services.segmentation.rules.scene import Scene
from services.segmentation.segment import Segment

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


Residuals = tuple[tuple[int, Residual], ...]
"""By ordinal, what depends on the ad request too: its answers to the questions of the segment."""


@dataclass(frozen=True, slots=True)
class Membership:
    catalog_version: int
    latest_ms: int
    spans: tuple[Span, ...] = ()
    exact_until_ms: int | None = None
    """The first moment that the spans say nothing about; None when they tell everything."""
    purposes: frozenset[int] | None = None
    """The purposes granted; None without a consent record."""
    residuals: Residuals = ()
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
    scene, found = Scene(profile, zone, outputs=catalog.outputs), {}
    for each in catalog.ready.values() if only is None else catalog.with_parts(only):
        moments = scene.segments[each.segment.id] = each.moments(scene)
        if only is None or each.segment.id in only:
            found[each.segment.ordinal] = moments
    return membership_of(profile, catalog, found, before, max_spans, carries=only is not None)


def membership_of(
    profile: Profile,
    catalog: Catalog,
    found: Mapping[int, Residual],
    before: Membership | None,
    max_spans: int | None = MAX_SPANS,
    *,
    carries: bool = True,
) -> Membership:
    """What was found of segments, by ordinal, as a membership; of all others what `before` says, if it `carries` on."""
    latest_ms = profile.latest_ms
    spans, begun_ms = _left_of(before, found, catalog, latest_ms) if before is not None else ([], {})
    inexact_ms, residuals = [], []
    if not carries:
        spans = []
    elif before is not None:
        found = {**found, **_other_residuals(before, found, catalog)} if before.residuals else found
        inexact_ms += [] if before.exact_until_ms is None else [before.exact_until_ms]
    for ordinal, residual in found.items():
        if not residual:
            continue
        moments = from_moment(residual, latest_ms)
        if isinstance(moments, tuple):
            own = _spans(moments, ordinal, begun_ms.get(ordinal, latest_ms))
            if max_spans is not None and len(own) > max_spans:
                inexact_ms.append(own[max_spans].since_ms)
                own = own[:max_spans]
            spans += own
        elif max_spans is None or size(moments) <= MAX_RESIDUAL:
            residuals.append((ordinal, moments))
        else:
            inexact_ms.append(latest_ms)
    return Membership(
        catalog.version,
        latest_ms,
        tuple(sorted(spans)),
        min(inexact_ms) if inexact_ms else None,
        profile.purposes,
        tuple(sorted(residuals, key=itemgetter(0))) if residuals else (),
        profile.own_zone if residuals else None,
    )


def _left_of(
    before: Membership, found: Container[int], catalog: Catalog, latest_ms: int
) -> tuple[list[Span], dict[int, int]]:
    """Of the segments that nothing was found of, the spans that are not over; of the others, since when one is in them.

    Not where they were edited since, nor those that are gone.
    """
    spans, begun_ms = [], {}
    for span in before.spans:
        ordinal, since_ms, until_ms = span
        if until_ms is None or until_ms > latest_ms:
            if ordinal not in found:
                spans.append(span)
            elif since_ms <= latest_ms:
                begun_ms[ordinal] = since_ms
    if before.catalog_version != catalog.version:
        there, edited = catalog.by_ordinal, catalog.edited_since(before.catalog_version)
        spans = [span for span in spans if span.ordinal in there]
        follows = before.catalog_version < catalog.version  # if not, Redis has lost an edit
        begun_ms = {each: at for each, at in begun_ms.items() if follows and there[each].id not in edited}
    return spans, begun_ms


def _other_residuals(before: Membership, found: Container[int], catalog: Catalog) -> dict[int, Residual]:
    """Of the segments that nothing was found of."""
    there = catalog.by_ordinal
    return {each: residual for each, residual in before.residuals if each not in found and each in there}


def _spans(moments: Intervals, ordinal: int, begun_ms: int) -> list[Span]:
    """The intervals as spans of a segment; one that is already true has begun at `begun_ms`."""
    return [
        Span(ordinal, begun_ms if since_ms == START else since_ms, until_ms) for since_ms, until_ms in spans(moments)
    ]
