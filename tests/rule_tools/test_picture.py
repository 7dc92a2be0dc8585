"""The picture shows where the rule is true and where something happened."""

from datetime import UTC

import pytest

from services.rule_tools.moments import shown_duration
from services.rule_tools.picture import LABEL, Panel, picture
from tests.rule_tools.test_timeline import line_of

PANEL = Panel(1_000, 2_000, 10)


def test_cells_are_full_in_part_or_empty() -> None:
    assert PANEL.bars((1_000, 1_200, 1_350, 1_400, 1_950)) == "██·▄·····▄"


def test_ticks_count_what_happened_in_a_cell() -> None:
    assert PANEL.ticks([1_000, 1_150, 1_199, *[1_500] * 9, *[1_600] * 10, 2_000]) == "•2   9+  •"


def test_a_panel_with_less_time_than_cells_still_shows_it() -> None:
    assert Panel(5, 7, 4).bars((5, 6)) == "██··"


def test_there_is_a_row_for_each_frequent_type_one_for_the_others_and_one_for_the_rule() -> None:
    told = "\n".join(f"-{number}h e_{letter} x{number}" for number, letter in enumerate("abcdefgh", start=1))
    line = line_of('count("e_a") >= 1', f"{told}\n-1h list vip")
    axis, *rows = [str(row) for row in picture(line, UTC, 100)]
    assert [row[:LABEL].strip() for row in rows] == ["e_h", "e_g", "e_f", "e_e", "e_d", "others", "rule is true"]
    assert " ".join(axis.split()) == "18 Nov 2026 04:00 18 Nov 2026 12:00 if nothing else happens +8h"
    assert {len(row) for row in rows} == {100}


def test_the_future_reaches_beyond_the_last_change() -> None:
    *_, row = picture(line_of('since("page_view") < "2h"', "-1h page_view"), UTC, 79)
    _, past, future, _ = str(row).split("│")
    assert set(past) == {"█"}
    assert future == "█" * 20 + "·" * 4


def test_one_event_at_this_very_moment_can_be_drawn() -> None:
    rows = list(picture(line_of('count("page_view") >= 1', "now page_view"), UTC, 60))
    assert "•" in str(rows[1])


@pytest.mark.parametrize(
    ("duration_ms", "shown"),
    [(0, "0ms"), (5, "5ms"), (61_000, "1m 1s"), (86_400_000, "1d"), (90_061_001, "1d 1h"), (3_600_001, "1h")],
)
def test_durations_are_shown_in_their_two_largest_units(duration_ms: int, shown: str) -> None:
    assert shown_duration(duration_ms) == shown
