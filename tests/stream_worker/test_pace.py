"""What is in no hurry rests for four times as long as it was at work."""

import pytest

from services.stream_worker.pace import Pace


def test_what_was_never_done_may_begin() -> None:
    assert Pace().left_s(5) == 0


def test_it_rests_in_proportion_to_how_long_it_took() -> None:
    pace = Pace()
    pace.note(10.0, 10.5)
    assert pace.left_s(10.5) == pytest.approx(2)
    assert pace.left_s(11.5) == pytest.approx(1)
    assert pace.left_s(13.0) == 0


def test_over_time_it_takes_a_fifth_of_it() -> None:
    pace, now_s, worked_s = Pace(), 0.0, 0.0
    for took_s in (0.1, 0.4, 0.02) * 50:
        now_s += pace.left_s(now_s)
        pace.note(now_s, now_s := now_s + took_s)
        worked_s += took_s
    assert worked_s / now_s == pytest.approx(0.2, rel=0.02)
