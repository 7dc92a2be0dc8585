"""Calendar days, weeks and months begin where the clocks of the zone say so, whatever the clocks do that night."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import MAX_TS_MS
from services.segmentation.rules.calendar import period
from services.segmentation.rules.nodes import Calendar

ZONES = ["UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("window", "zone", "at", "begin", "end"),
    [
        ("today", "UTC", "2024-02-29T12:00Z", "2024-02-29T00:00Z", "2024-03-01T00:00Z"),
        ("today", "Europe/Paris", "2024-02-29T23:30Z", "2024-02-29T23:00Z", "2024-03-01T23:00Z"),
        ("today", "Asia/Kathmandu", "2024-02-29T18:15Z", "2024-02-29T18:15Z", "2024-03-01T18:15Z"),
        # 23 hours in spring, 25 in autumn
        ("today", "Europe/Paris", "2024-03-31T12:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z"),
        ("today", "Europe/Paris", "2024-10-27T12:00Z", "2024-10-26T22:00Z", "2024-10-27T23:00Z"),
        # the clocks went from 23:59 to 01:00: the day began at the hour that it skipped
        ("today", "America/Sao_Paulo", "2018-11-04T12:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"),
        ("this_week", "UTC", "2024-03-03T23:59:59.999Z", "2024-02-26T00:00Z", "2024-03-04T00:00Z"),
        ("this_week", "UTC", "2024-03-04T00:00Z", "2024-03-04T00:00Z", "2024-03-11T00:00Z"),
        ("this_month", "America/New_York", "2024-03-01T04:59:59Z", "2024-02-01T05:00Z", "2024-03-01T05:00Z"),
        ("this_month", "UTC", "2024-12-31T23:00Z", "2024-12-01T00:00Z", "2025-01-01T00:00Z"),
    ],
)
def test_the_period_that_a_moment_is_in(window: Calendar, zone: str, at: str, begin: str, end: str) -> None:
    assert period(window, ms(at), ZoneInfo(zone)) == (ms(begin), ms(end))


@given(st.sampled_from(["today", "this_week", "this_month"]), st.sampled_from(ZONES), st.integers(0, 2_000_000_000_000))
def test_every_moment_is_in_its_period_and_the_clocks_agree(window: Calendar, name: str, at_ms: int) -> None:
    zone = ZoneInfo(name)
    begin_ms, end_ms = period(window, at_ms, zone)
    assert begin_ms <= at_ms < end_ms
    assert period(window, begin_ms, zone) == period(window, end_ms - 1, zone) == (begin_ms, end_ms)
    last = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=begin_ms - 1)).astimezone(zone)
    first = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=begin_ms)).astimezone(zone)
    assert last.date() < first.date()
    if window != "today":
        assert (first.weekday() == 0) if window == "this_week" else (first.day == 1)


def test_the_last_moment_that_an_event_can_have_is_in_some_period() -> None:
    begin_ms, end_ms = period("this_month", MAX_TS_MS, ZoneInfo("Pacific/Apia"))
    assert begin_ms < end_ms
