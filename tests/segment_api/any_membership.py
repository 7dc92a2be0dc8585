"""Memberships of any content, as Hypothesis thinks them up."""

from collections.abc import Sequence

from hypothesis import strategies as st

from services.segmentation.membership import Membership, Span
from services.segmentation.rules.residual import Asked, Either, Every, Residual

HOUR = 3_600_000
OFFSETS = st.integers(-3 * HOUR, 3 * HOUR)


@st.composite
def memberships(draw: st.DrawFn, now_ms: int, segments: int, asking_for: Sequence[int]) -> Membership:
    """Of catalogs of so many segments and others, about so long before and after a moment; some ask the request."""
    latest_ms = now_ms + draw(OFFSETS)
    spans = []
    asking = draw(st.sets(st.sampled_from(asking_for)))  # a segment has a residual or spans
    for ordinal in sorted(draw(st.sets(st.integers(0, segments + 1))) - asking):
        moments = sorted(draw(st.sets(OFFSETS, max_size=4)))
        ends = [*moments[1::2], None] if len(moments) % 2 else moments[1::2]
        spans += [
            Span(ordinal, latest_ms + since, None if until is None else latest_ms + until)
            for since, until in zip(moments[::2], ends, strict=True)
        ]
    asked = tuple((ordinal, draw(residuals(now_ms))) for ordinal in sorted(asking))
    return Membership(
        draw(st.sampled_from([0, 1, 5, segments, segments, segments, 99])),
        latest_ms,
        tuple(spans),
        draw(st.none() | OFFSETS.map(lambda offset: latest_ms + abs(offset))),
        draw(st.none() | st.frozensets(st.integers(1, 5))),
        asked,
        draw(st.sampled_from([None, "Asia/Tokyo"])) if asked else None,
    )


def residuals(now_ms: int) -> st.SearchStrategy[Residual]:
    """What is left to ask of a request: a part, or some that are joined."""
    moments = st.sets(OFFSETS.map(lambda offset: now_ms + offset), max_size=3)
    parts: st.SearchStrategy[Residual] = st.builds(Asked, st.just(0), st.booleans()) | moments.map(
        lambda found: tuple(sorted(found))
    )
    joined = st.lists(parts, min_size=1, max_size=3)
    return parts | st.builds(lambda node, some: node(tuple(some)), st.sampled_from([Every, Either]), joined)
