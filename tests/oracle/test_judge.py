"""Which events a rule looks at, one small example a sentence: read from top to bottom it is the specification."""

from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest

from services.segmentation.rules.nodes import (
    Average,
    Compare,
    Count,
    Distinct,
    Holds,
    Last,
    Selection,
    Since,
    Sum,
    Tenure,
    Trait,
)
from tests.oracle.examples import (
    EQUAL,
    MISSING,
    ONLY_UNEQUAL,
    duration,
    equals,
    event,
    matching,
    truths,
    view_in,
    views,
)
from tests.oracle.judge import judge
from tests.oracle.rule_strategies import literal


class TestWindows:
    @pytest.mark.parametrize(("at_ms", "expected"), [(50, 1), (59, 1), (60, 0), (61, 0)])
    def test_a_window_holds_an_event_from_its_own_millisecond_until_just_before_it_is_as_old_as_the_window(
        self, at_ms: int, expected: int
    ) -> None:
        assert equals(Count(views(within=10)), expected, [event("view", 50)], at_ms)

    def test_a_window_of_one_millisecond_holds_what_happens_now(self) -> None:
        assert equals(Count(views(within=1)), 1, [event("view", 49), event("view", 50)], 50)

    def test_without_a_window_everything_ever_counts(self) -> None:
        assert equals(Count(views()), 2, [event("view", 0), event("view", 50)], 10**13)

    def test_only_events_of_the_type_count(self) -> None:
        assert equals(Count(views()), 1, [event("view", 1), event("cart", 2)])

    def test_a_moment_before_the_latest_event_is_not_asked_about(self) -> None:
        with pytest.raises(AssertionError):
            judge(Compare(Count(views()), ">", literal(0)), [event("view", 50)], 49)


class TestResends:
    def test_an_event_id_counts_once(self) -> None:
        assert equals(Count(views()), 1, [event("view", 1), event("view", 1)])

    @pytest.mark.parametrize(("order", "expected"), [(1, 5), (-1, 7)])
    def test_the_first_arrival_wins_and_not_the_earlier_time(self, order: int, expected: int) -> None:
        arrivals = [event("view", 20, "same", value=5), event("view", 10, "same", value=7)][::order]
        assert equals(Sum(views(), "value"), expected, arrivals)

    def test_a_known_id_is_ignored_whatever_comes_under_it(self) -> None:
        arrivals = [event("view", 20, "same"), replace(event("cart", 500, "same"), traits={"vip": True})]
        assert equals(Count(Selection("cart")), 0, arrivals)
        assert truths(Trait("vip"), literal(True), arrivals) == ONLY_UNEQUAL

    def test_late_events_count_from_their_own_time(self) -> None:
        arrivals = [event("view", 95), event("view", 20), event("view", 91)]
        assert equals(Count(views(within=10)), 2, arrivals)

    def test_somebody_without_events_is_in_no_segment(self) -> None:
        assert not judge(Compare(Count(views()), "==", literal(0)), [], 100)


class TestFilters:
    @pytest.mark.parametrize("value", ["shoes", 1, 1.0, True, 0.1])
    def test_a_filter_keeps_what_equals_it(self, value: Any) -> None:
        assert equals(Count(views(brand=value)), 1, [event("view", 1, brand=value)])

    def test_every_filter_has_to_match(self) -> None:
        events = [event("view", 1, brand="x", category="a"), event("view", 2, brand="x", category="b")]
        assert equals(Count(views(brand="x", category="a")), 1, events)

    def test_a_list_in_the_rule_means_any_of(self) -> None:
        events = [event("view", ts, brand=each) for ts, each in enumerate("xyz")]
        assert equals(Count(views(brand=["x", "z"])), 2, events)

    def test_a_list_in_the_event_matches_if_any_element_does(self) -> None:
        assert equals(Count(views(brand="x")), 1, [event("view", 1, brand=["y", None, "x"])])

    @pytest.mark.parametrize("value", [MISSING, None, [], {}, {"x": "x"}, [["x"]], [{"x": "x"}], "X", "xx"])
    def test_absent_null_and_everything_else_does_not_match(self, value: Any) -> None:
        odd = event("view", 1) if value is MISSING else event("view", 1, brand=value)
        assert equals(Count(views(brand="x")), 0, [odd])

    @pytest.mark.parametrize("value", [MISSING, None, [None], "None"])
    def test_nothing_matches_none(self, value: Any) -> None:
        odd = event("view", 1) if value is MISSING else event("view", 1, brand=value)
        assert equals(Count(views(brand=None)), 0, [odd])

    def test_true_1_and_the_string_1_differ(self) -> None:
        for wanted in (True, 1, "1"):
            events = [event("view", ts, brand=each) for ts, each in enumerate((True, 1, "1"))]
            assert equals(Count(views(brand=wanted)), 1, events)

    def test_1_and_1_point_0_match(self) -> None:
        assert equals(Count(views(brand=1)), 1, [event("view", 1, brand=1.0)])
        assert equals(Count(views(brand=1.0)), 1, [event("view", 1, brand=[1])])

    def test_a_path_walks_the_objects_of_the_context(self) -> None:
        on_mobile = Selection("view", (matching("context.device.type", "mobile"),))
        events = [
            view_in(1, device={"type": "mobile"}),
            view_in(2, device={"type": ["tv", "mobile"]}),
            view_in(3, device={"type": "tv"}),
            view_in(4, device="mobile"),
            view_in(5, device=None),
            view_in(6, device=[{"type": "mobile"}]),
            view_in(7, **{"device.type": "mobile"}),
            event("view", 8, **{"context.device.type": "mobile"}),
        ]
        assert equals(Count(on_mobile), 2, events)

    def test_what_the_profile_does_not_keep_is_absent(self) -> None:
        both = [replace(event("view", 1, brand="x", item_id="x"), context={"device": {"os": "x", "type": "x"}})]
        kept = {"brand", "context.device.os"}.__contains__

        def found(field: str) -> bool:
            some = Count(Selection("view", (matching(field, "x"),)))
            return judge(Compare(some, "==", literal(1)), both, 100, kept)

        assert [found("brand"), found("item_id")] == [True, False]
        assert [found("context.device.os"), found("context.device.type")] == [True, False]
        assert judge(Compare(Last("device.os"), "==", literal("x")), both, 100, kept)
        assert not judge(Compare(Last("device.type"), "==", literal("x")), both, 100, kept)


class TestMoreThan256EventsOfAType:
    def test_terms_see_the_256_newest(self) -> None:
        events = [event("view", ts, item_id=ts, value=1) for ts in range(300)]
        assert equals(Distinct(views(), "item_id"), 256, events, 300)
        assert equals(Count(views(within=1000)), 256, events, 300)
        assert equals(Sum(views(within=1000), "value"), 256, events, 300)

    def test_the_newest_are_chosen_before_filters_and_windows(self) -> None:
        events = [event("view", ts, brand="new" if ts >= 10 else "old") for ts in range(270)]
        assert equals(Count(views(brand="old")), 0, events, 300)
        assert judge(Compare(Since(views(brand="old")), ">", duration(10**14)), events, 300)
        assert equals(Count(views(within=10, brand="new")), 9, events, 270)

    def test_unfiltered_lifetime_counts_sums_and_averages_stay_exact(self) -> None:
        events = [event("view", ts, value=1 if ts else 301) for ts in range(300)]
        assert equals(Count(views()), 300, events, 300)
        assert equals(Sum(views(), "value"), 600, events, 300)
        assert truths(Average(views(), "value"), literal(2), events, 300) == EQUAL

    def test_a_late_event_is_among_the_newest_by_its_time_and_not_by_its_arrival(self) -> None:
        events = [*(event("view", ts) for ts in range(1, 257)), event("view", 0, brand="late")]
        assert equals(Count(views(brand="late")), 0, events, 300)

    def test_of_the_same_time_the_greater_digest_of_the_id_counts_as_newer(self) -> None:
        ids = sorted((f"e{n}" for n in range(257)), key=lambda each: blake2b(each.encode(), digest_size=8).digest())
        events = [event("view", 5, each, item_id=each) for each in sorted(ids)]
        assert equals(Count(views(item_id=ids[0])), 0, events)
        assert equals(Count(views(item_id=ids[1])), 1, events)

    def test_other_types_traits_and_tenure_are_not_crowded_out(self) -> None:
        first = replace(event("view", 0), traits={"vip": True}, context={"device": {"type": "tv"}})
        events = [first, event("cart", 1), *(event("view", ts) for ts in range(2, 300))]
        assert judge(Holds(Trait("vip")), events, 300)
        assert judge(Compare(Last("device.type"), "==", literal("tv")), events, 300)
        assert truths(Tenure(), duration(300), events, 300) == EQUAL
        assert equals(Count(Selection("cart")), 1, events, 300)
