"""Histograms stand beside sorted lists, which are slow and obvious."""

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtests.load.measured.histogram import Histogram

durations_us = st.lists(st.integers(0, 60_000_000), min_size=1, max_size=200)
parts = st.floats(0.0, 1.0)


def recorded(values_us: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values_us:
        histogram.record_us(value)
    return histogram


@given(durations_us, parts)
def test_a_quantile_is_never_too_low_and_too_high_by_a_250th_at_most(values_us: list[int], part: float) -> None:
    exact_us = sorted(values_us)[max(1, math.ceil(part * len(values_us))) - 1]
    told_us = (recorded(values_us).quantile_ms(part) or 0) * 1000
    assert exact_us - 0.5 <= told_us <= exact_us * 1.004 + 0.5


@given(durations_us, durations_us)
def test_two_added_up_are_one_of_all_values(some_us: list[int], others_us: list[int]) -> None:
    both = recorded(some_us)
    both.add(recorded(others_us))
    assert both.as_json() == recorded(some_us + others_us).as_json()
    assert both.total == len(some_us) + len(others_us)


@given(durations_us)
def test_comes_back_from_json_as_it_was(values_us: list[int]) -> None:
    histogram = recorded(values_us)
    again = Histogram.from_json(histogram.as_json())
    assert (again.counts, again.total, again.max_us) == (histogram.counts, histogram.total, histogram.max_us)


@given(durations_us)
def test_the_maximum_is_exact(values_us: list[int]) -> None:
    histogram = recorded(values_us)
    assert histogram.max_ms == histogram.quantile_ms(1.0) == max(values_us) / 1000


def test_nothing_has_no_quantile() -> None:
    assert Histogram().quantile_ms(0.5) is None
    assert Histogram().max_ms is None


def test_a_clock_that_goes_back_a_grain_counts_as_no_time() -> None:
    histogram = Histogram()
    histogram.record_s(-0.000_004)
    assert histogram.max_ms == 0
