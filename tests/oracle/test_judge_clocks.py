"""What clocks and calendars say in a rule, one small example a sentence of the specification."""

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Average, Calendar, Count, Distinct, Request, Sum
from tests.oracle.examples import MISSING, entry, equals, event, ms, view_in, views

PARIS, NEW_YORK, SAO_PAULO = map(ZoneInfo, ("Europe/Paris", "America/New_York", "America/Sao_Paulo"))
KATHMANDU, HAVANA = ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Havana")


def counted(window: Calendar, event_ms: int, at_ms: int, zone: tzinfo) -> bool:
    return equals(Count(views(window)), 1, [event("view", event_ms)], at_ms, zone=zone)


class TestCalendarWindows:
    @pytest.mark.parametrize(
        ("zone", "midnight"),
        [
            (PARIS, "2024-06-05T00:00+02:00"),
            (KATHMANDU, "2024-06-05T00:00+05:45"),
            (NEW_YORK, "2024-11-03T00:00-04:00"),
            (NEW_YORK, "2024-11-04T00:00-05:00"),  # a day of 25 hours before it
            (PARIS, "2024-04-01T00:00+02:00"),  # a day of 23 hours before it
            (SAO_PAULO, "2018-11-04T01:00-02:00"),  # midnight does not exist: the first instant of the day
            (SAO_PAULO, "2018-02-18T00:00-03:00"),  # the hour before it came twice
            (HAVANA, "2024-11-03T00:00-04:00"),  # midnight comes twice: the first
        ],
    )
    def test_today_begins_at_the_first_instant_of_the_local_day(self, zone: tzinfo, midnight: str) -> None:
        begin_ms = ms(midnight)
        assert counted("today", begin_ms, begin_ms, zone)
        assert counted("today", begin_ms, begin_ms + 20 * 3_600_000, zone)
        assert not counted("today", begin_ms - 1, begin_ms, zone)
        assert counted("today", begin_ms - 1, begin_ms - 1, zone)

    def test_a_day_is_not_the_same_day_of_another_year(self) -> None:
        assert not counted("today", ms("2023-06-05T12:00Z"), ms("2024-06-05T12:00Z"), PARIS)

    @pytest.mark.parametrize("hours", [0, 1, 2, 24])
    def test_a_day_of_25_hours_is_one_day(self, hours: int) -> None:
        begin_ms = ms("2024-11-03T00:00-04:00")
        assert counted("today", begin_ms, begin_ms + hours * 3_600_000, NEW_YORK)
        assert counted("today", begin_ms, begin_ms + 25 * 3_600_000 - 1, NEW_YORK)
        assert not counted("today", begin_ms, begin_ms + 25 * 3_600_000, NEW_YORK)

    def test_a_week_begins_on_monday(self) -> None:
        monday_ms = ms("2024-12-30T00:00+01:00")  # a week that a new year begins in
        assert not counted("this_week", monday_ms - 1, monday_ms, PARIS)
        assert counted("this_week", monday_ms, ms("2025-01-05T23:59:59.999+01:00"), PARIS)
        assert not counted("this_week", monday_ms, ms("2025-01-06T00:00+01:00"), PARIS)

    def test_a_month_begins_on_its_first_day(self) -> None:
        first_ms = ms("2024-02-01T00:00+05:45")
        assert not counted("this_month", first_ms - 1, first_ms, KATHMANDU)
        assert counted("this_month", first_ms, ms("2024-02-29T23:59:59.999+05:45"), KATHMANDU)
        assert not counted("this_month", first_ms, ms("2024-03-01T00:00+05:45"), KATHMANDU)
        assert not counted("this_month", first_ms, ms("2025-02-10T00:00+05:45"), KATHMANDU)

    def test_without_a_zone_clocks_go_by_utc(self) -> None:
        late_ms = ms("2024-06-04T23:30Z")
        assert equals(Count(views("today")), 0, [event("view", late_ms)], late_ms + 3_600_000)
        assert equals(Count(views("today")), 1, [event("view", late_ms)], late_ms + 3_600_000, zone=NEW_YORK)

    def test_it_is_the_zone_of_the_space_whatever_the_user_says(self) -> None:
        late_ms = ms("2024-06-04T23:30Z")
        abroad = view_in(late_ms, timezone="America/New_York")
        assert equals(Count(views("today")), 0, [abroad], late_ms + 3_600_000, request={"timezone": "America/New_York"})

    def test_sums_averages_and_distinct_have_them_too_and_filters_apply(self) -> None:
        noon_ms = ms("2024-06-04T12:00Z")
        before = event("view", noon_ms - 86_400_000, value=1, brand="x")
        events = [before, event("view", noon_ms, value=2, brand="x"), event("view", noon_ms + 1, value=4, brand="y")]
        assert equals(Sum(views("today"), "value"), 6, events, noon_ms + 1)
        assert equals(Average(views("today"), "value"), 3, events, noon_ms + 1)
        assert equals(Distinct(views("today"), "value"), 2, events, noon_ms + 1)
        assert equals(Count(views("today", brand="x")), 1, events, noon_ms + 1)

    def test_they_see_the_256_newest(self) -> None:
        noon_ms = ms("2024-06-04T12:00Z")
        assert equals(
            Count(views("today")), 256, [event("view", noon_ms + n) for n in range(300)], noon_ms + 300, zone=PARIS
        )


class TestLocalHours:
    AT_MS = ms("2024-06-02T22:30:00Z")  # a Sunday evening in London, Monday in Paris

    def shown(self, facts: list[Any], at_ms: int = AT_MS, zone: Any = PARIS, **request: Any) -> tuple[int, int]:
        """The hour and the weekday that rules see."""
        asked = {"at_ms": at_ms, "zone": zone, "request": request}
        hours = [hour for hour in range(24) if equals(Request("hour"), hour, facts, **asked)]
        days = [day for day in range(1, 8) if equals(Request("weekday"), day, facts, **asked)]
        assert len(hours) == len(days) == 1
        return hours[0], days[0]

    def test_they_are_those_of_the_space_where_nobody_says_more(self) -> None:
        assert self.shown([view_in(1)]) == (0, 1)
        assert self.shown([], zone=NEW_YORK) == (18, 7)
        assert self.shown([entry("vip", 1)]) == (0, 1)

    def test_those_of_the_user_go_before(self) -> None:
        assert self.shown([view_in(1, timezone="Asia/Kathmandu")]) == (4, 1)

    def test_those_of_the_request_go_before_all(self) -> None:
        assert self.shown([view_in(1, timezone="Asia/Kathmandu")], timezone="America/New_York") == (18, 7)

    def test_what_is_passed_is_used_as_it_is(self) -> None:
        assert self.shown([view_in(1)], hour=7) == (7, 1)
        assert self.shown([view_in(1)], weekday=3.0) == (0, 3)
        assert not equals(Request("hour"), 7, [], self.AT_MS, request={"hour": "7"})

    def test_the_zone_of_the_newest_event_counts_and_of_the_greater_id_at_the_same_time(self) -> None:
        abroad, home = view_in(9, timezone="Asia/Kathmandu"), view_in(5, timezone="America/New_York")
        assert self.shown([abroad, home]) == self.shown([home, abroad]) == (4, 1)
        tied = [Event(name, "u-1", "view", 9, context={"timezone": zone}) for name, zone in TIED]
        assert self.shown(tied) == self.shown(tied[::-1]) == (18, 7)

    @pytest.mark.parametrize("odd", [MISSING, None, 5, "", "Europe/Paris ", "a" * 65, ["Europe/Paris"], "été"])
    def test_what_cannot_be_a_name_says_nothing(self, odd: Any) -> None:
        newer = view_in(9) if odd is MISSING else view_in(9, timezone=odd)
        assert self.shown([view_in(5, timezone="Asia/Kathmandu"), newer]) == (4, 1)

    @pytest.mark.parametrize("unknown", ["Mars/Olympus", "Europe", "/etc", "a" * 64])
    def test_a_name_that_is_no_zone_means_that_of_the_space(self, unknown: str) -> None:
        assert self.shown([view_in(5, timezone="Asia/Kathmandu"), view_in(9, timezone=unknown)]) == (0, 1)

    @pytest.mark.parametrize("unknown", ["Mars/Olympus", "", 5, None, "../x"])
    def test_a_request_with_no_real_zone_leaves_it_to_the_user(self, unknown: Any) -> None:
        assert self.shown([view_in(5, timezone="Asia/Kathmandu")], timezone=unknown) == (4, 1)

    def test_an_hour_that_comes_twice_is_the_same_hour(self) -> None:
        first, second = ms("2024-11-03T01:30-04:00"), ms("2024-11-03T01:30-05:00")
        assert self.shown([], first, NEW_YORK) == self.shown([], second, NEW_YORK) == (1, 7)

    def test_the_hour_changes_at_its_first_millisecond(self) -> None:
        assert self.shown([], ms("2024-06-02T12:14:59.999Z"), KATHMANDU) == (17, 7)
        assert self.shown([], ms("2024-06-02T12:15:00Z"), KATHMANDU) == (18, 7)

    def test_other_paths_are_not_made_up(self) -> None:
        assert not equals(Request("minute"), 30, [view_in(1)], self.AT_MS)


TIED = [("10", "Asia/Kathmandu"), ("9", "America/New_York")]
