"""What is kept of the latest time, however busy a site is."""

from collections import Counter

import orjson
import pytest

from services.segmentation.models.samples import Sample
from services.segmentation.training.kinds.pending import spread
from services.segmentation.training.kinds.window import Span, Window

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK = Span(7 * DAY_MS, fewest=50, most=1_000)


def days(window: Window) -> Counter[int]:
    return Counter(row.at_ms // DAY_MS for row in window)


def filled(window: Window, first: int, last: int, per_day: int) -> Window:
    """With as many samples on each of these days, at even distances."""
    for number in range(first * per_day, last * per_day):
        window.add(Sample(spread(number), number * DAY_MS // per_day, (1.0,), number % 2 == 0))
    return window


def test_all_of_the_span_is_kept_where_there_is_room_and_nothing_older() -> None:
    kept = days(filled(Window(WEEK), 0, 20, per_day=100))
    assert kept == {12: 1} | dict.fromkeys(range(13, 20), 100), "the seven days before the last sample"


def test_of_a_busy_span_each_day_is_thinned_alike_and_no_more_are_kept_than_is_said() -> None:
    window = filled(Window(WEEK), 0, 20, per_day=3_000)
    kept = days(window)
    assert 500 <= len([*window]) <= 1_000
    assert len(kept) >= 7
    assert all(kept[day] == pytest.approx(len([*window]) / 7, rel=0.3) for day in range(13, 20))


def test_a_busy_day_has_as_many_more_as_it_was_busier() -> None:
    window = Window(WEEK)
    for day in range(14):
        filled(window, day, day + 1, per_day=4_000 if day % 7 == 5 else 500)
    assert days(window)[12] == pytest.approx(len([*window]) * 4_000 / 7_000, rel=0.2)


def test_of_a_silent_time_the_latest_are_kept_however_old() -> None:
    window = filled(Window(WEEK), 0, 100, per_day=1)
    assert [row.at_ms // DAY_MS for row in window] == [*range(50, 100)]


def test_when_a_busy_time_is_over_more_of_the_samples_come_in_again() -> None:
    window = filled(filled(Window(WEEK), 0, 10, per_day=3_000), 10, 60, per_day=100)
    assert days(window)[59] == 100


def test_no_more_are_kept_where_the_draw_takes_all() -> None:
    window = Window(WEEK)
    for at_ms in range(3_000):
        window.add(Sample(at_ms, at_ms, (1.0,), True))
    assert 0 < len([*window]) <= 1_000


def test_what_was_stopped_goes_on_with_the_same_ones() -> None:
    window = filled(Window(WEEK), 0, 9, per_day=700)
    again = Window.resume(WEEK, orjson.loads(orjson.dumps(window.state())))
    assert again.state() == window.state()
    assert filled(again, 9, 14, per_day=900).state() == filled(window, 9, 14, per_day=900).state()
