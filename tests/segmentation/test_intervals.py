"""Interval sets against plain sets of moments."""

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.intervals import (
    ALWAYS,
    NEVER,
    START,
    Intervals,
    clip,
    complement,
    contains,
    from_steps,
    intersection,
    spans,
    union,
)

EDGE = range(-2, 13)


def sets() -> st.SearchStrategy[Intervals]:
    return st.sets(st.sampled_from([START, *range(11)])).map(lambda found: tuple(sorted(found)))


def moments(intervals: Intervals) -> set[int]:
    return {at for at in EDGE if contains(intervals, at)}


@given(sets(), sets())
def test_operations_are_those_of_sets(first: Intervals, second: Intervals) -> None:
    assert moments(union(first, second)) == moments(first) | moments(second)
    assert moments(intersection(first, second)) == moments(first) & moments(second)
    assert moments(complement(first)) == set(EDGE) - moments(first)
    assert complement(complement(first)) == first


@given(sets(), sets())
def test_equal_sets_look_equal(first: Intervals, second: Intervals) -> None:
    combined = union(first, second)
    assert combined == tuple(sorted(set(combined)))
    assert (combined == ALWAYS) == (moments(combined) == set(EDGE))
    assert (combined == NEVER) == (not moments(combined))


@given(sets(), st.integers(0, 10))
def test_clipping_forgets_the_past_and_nothing_else(intervals: Intervals, from_ms: int) -> None:
    clipped = clip(intervals, from_ms)
    assert {at for at in moments(clipped) if at >= from_ms} == {at for at in moments(intervals) if at >= from_ms}
    assert all(at == START or at > from_ms for at in clipped)


@given(sets())
def test_spans_are_the_set_in_pairs(intervals: Intervals) -> None:
    covered = {at for since, until in spans(intervals) for at in EDGE if since <= at and (until is None or at < until)}
    assert covered == moments(intervals)


def test_steps_that_do_not_change_the_truth_leave_no_boundary() -> None:
    assert from_steps([(START, True), (3, True), (5, False), (7, False), (9, True)]) == (START, 5, 9)
    assert from_steps([(START, False)]) == NEVER
