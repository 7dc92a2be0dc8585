"""What terms are worth and how they compare, one small example a sentence of the specification."""

from dataclasses import replace
from typing import Any

import pytest

from services.segmentation.rules.nodes import (
    And,
    Average,
    Compare,
    Count,
    Distinct,
    Holds,
    Last,
    Member,
    Not,
    Or,
    Rule,
    Selection,
    Since,
    Sum,
    Tenure,
    Trait,
)
from tests.oracle.examples import (
    EQUAL,
    GREATER,
    LESS,
    MISSING,
    NOTHING_HOLDS,
    ONLY_UNEQUAL,
    duration,
    equals,
    event,
    known,
    truths,
    view_in,
    views,
)
from tests.oracle.judge import judge
from tests.oracle.rule_strategies import literal


class TestSums:
    def test_a_sum_is_exact_where_floats_are_not(self) -> None:
        assert equals(Sum(views(), "value"), 0.3, [event("view", 1, value=0.1), event("view", 2, value=0.2)])

    @pytest.mark.parametrize("value", [True, None, "5", [5], {"a": 5}, MISSING])
    def test_anything_but_a_number_counts_zero(self, value: Any) -> None:
        odd = event("view", 1) if value is MISSING else event("view", 1, value=value)
        assert equals(Sum(views(), "value"), 2, [odd, event("view", 2, value=2)])

    def test_a_sum_of_nothing_is_zero(self) -> None:
        assert truths(Sum(views(), "value"), literal(0), [event("cart", 1)]) == EQUAL

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(5e-7, 0), (1.5e-6, 2e-6), (2.5e-6, 2e-6), (-5e-7, 0), (1.0000005, 1), (1.0000015, 1.000002), (5e-324, 0)],
    )
    def test_a_number_counts_to_the_nearest_millionth_and_half_of_one_to_the_even_side(
        self, value: float, expected: float
    ) -> None:
        assert truths(Sum(views(), "value"), literal(expected), [event("view", 1, value=value)]) == EQUAL

    def test_each_number_is_rounded_by_itself(self) -> None:
        assert equals(Sum(views(), "value"), 0, [event("view", ts, value=4e-7) for ts in range(10)])

    def test_huge_numbers_do_not_swallow_small_ones(self) -> None:
        values = (1e300, 0.1, -1e300)
        assert equals(Sum(views(), "value"), 0.1, [event("view", ts, value=each) for ts, each in enumerate(values)])

    def test_whole_numbers_that_a_float_cannot_tell_apart_differ(self) -> None:
        assert truths(Sum(views(), "value"), literal(2**53), [event("view", 1, value=2**53 + 1)]) == GREATER


class TestAverages:
    def test_an_average_is_of_the_numbers_alone(self) -> None:
        events = [event("view", ts, value=each) for ts, each in enumerate([1, 2, None, "9", True])]
        assert truths(Average(views(), "value"), literal(1.5), events) == EQUAL

    def test_without_a_number_there_is_no_average_and_nothing_orders_it(self) -> None:
        assert truths(Average(views(), "value"), literal(0), [event("view", 1, value="9")]) == ONLY_UNEQUAL

    @pytest.mark.parametrize("near", [1.00000000000005, 0.99999999999995])
    def test_averages_within_1e_13_of_one_are_equal_to_it(self, near: float) -> None:
        assert truths(Average(views(), "value"), literal(near), [event("view", 1, value=1)]) == EQUAL
        assert truths(literal(near), Average(views(), "value"), [event("view", 1, value=1)]) == EQUAL

    @pytest.mark.parametrize(("threshold", "expected"), [(1.0000000000005, LESS), (0.9999999999995, GREATER)])
    def test_averages_further_apart_are_not(self, threshold: float, expected: list[str]) -> None:
        assert truths(Average(views(), "value"), literal(threshold), [event("view", 1, value=1)]) == expected

    def test_the_tolerance_is_relative_to_the_numbers(self) -> None:
        assert truths(Average(views(), "value"), literal(10**15 + 10), [event("view", 1, value=1e15)]) == EQUAL
        assert truths(Average(views(), "value"), literal(10**15 + 1000), [event("view", 1, value=1e15)]) == LESS
        assert truths(Average(views(), "value"), literal(5e-14), [event("view", 1, value=0)]) == LESS

    def test_the_mean_is_of_the_same_millionths_as_the_sum(self) -> None:
        assert truths(Average(views(), "value"), literal(0), [event("view", 1, value=4e-7)]) == EQUAL

    def test_sums_know_no_such_tolerance(self) -> None:
        assert truths(Sum(views(), "value"), literal(1.00000000000005), [event("view", 1, value=1)]) == LESS


class TestDistinct:
    def test_equal_values_count_once_and_true_1_and_the_string_1_are_three(self) -> None:
        events = [event("view", ts, item_id=each) for ts, each in enumerate([True, 1, "1", True, 1, "1"])]
        assert equals(Distinct(views(), "item_id"), 3, events)

    def test_1_and_1_point_0_are_the_same_number(self) -> None:
        events = [event("view", ts, item_id=each) for ts, each in enumerate([1, 1.0, 0, -0.0])]
        assert equals(Distinct(views(), "item_id"), 2, events)

    @pytest.mark.parametrize("value", [None, [], ["a", "b"], {"a": 1}])
    def test_null_lists_and_objects_are_no_values(self, value: Any) -> None:
        assert equals(Distinct(views(), "item_id"), 0, [event("view", 1, item_id=value), event("view", 2)])


class TestTimes:
    def test_since_is_the_time_from_the_latest_matching_event(self) -> None:
        events = [event("view", 80, brand="x"), event("view", 30, brand="x"), event("view", 90, brand="y")]
        assert truths(Since(views(brand="x")), duration(20), events) == EQUAL
        assert truths(Since(views()), duration(11), events) == LESS
        assert truths(duration(9), Since(views()), events) == LESS

    def test_tenure_is_the_time_since_the_first_event_of_any_type(self) -> None:
        assert truths(Tenure(), duration(93), [event("view", 50), event("cart", 7)]) == EQUAL

    def test_an_absent_since_is_greater_than_any_duration_on_either_side(self) -> None:
        events = [event("cart", 1)]
        assert truths(Since(views()), duration(10**14), events) == GREATER
        assert truths(duration(10**14), Since(views()), events) == LESS

    def test_an_absent_since_is_in_no_list(self) -> None:
        absent = Member(Since(views()), (duration(1), duration(99)))
        assert not judge(absent, [event("cart", 1)], 100)
        assert judge(replace(absent, negated=True), [event("cart", 1)], 100)

    def test_absent_against_absent_is_false_whatever_the_operator(self) -> None:
        assert truths(Since(views()), Since(Selection("buy")), [event("cart", 1)]) == NOTHING_HOLDS

    def test_absent_against_present_is_greater(self) -> None:
        assert truths(Since(views()), Since(Selection("cart")), [event("cart", 1)]) == GREATER
        assert truths(Tenure(), Since(views()), [event("cart", 1)]) == LESS

    def test_time_terms_compare_with_each_other(self) -> None:
        events = [event("view", 10), event("cart", 40)]
        assert truths(Since(views()), Since(Selection("cart")), events) == GREATER
        assert truths(Since(views()), Tenure(), events) == EQUAL


class TestLatestValues:
    @pytest.mark.parametrize("order", [1, -1])
    def test_the_latest_by_time_wins_however_it_arrives(self, order: int) -> None:
        assert judge(
            Compare(Trait("age"), "==", literal(2)), [known(1, "z", age=1), known(2, "a", age=2)][::order], 100
        )

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_the_same_time_the_greater_event_id_wins_by_its_characters(self, order: int) -> None:
        events = [
            known(1, "10", age=1),
            known(1, "9", age=2),
            known(1, "\uffff", tier=3),
            known(1, "\U0001f45f", tier=4),
        ]
        assert judge(Compare(Trait("age"), "==", literal(2)), events[::order], 100)
        assert judge(Compare(Trait("tier"), "==", literal(4)), events[::order], 100)

    def test_events_that_do_not_mention_it_change_nothing(self) -> None:
        assert judge(Compare(Trait("age"), "==", literal(1)), [known(1, age=1), known(2), event("cart", 3)], 100)

    def test_missing_is_none(self) -> None:
        assert truths(Trait("age"), literal(1), [known(1)]) == ONLY_UNEQUAL

    def test_a_null_deletes_a_trait_until_it_is_set_again(self) -> None:
        events = [known(1, age=1), known(2, age=None)]
        assert truths(Trait("age"), literal(1), events) == ONLY_UNEQUAL
        assert truths(Trait("age"), literal(1), [*events, known(3, age=1)]) == EQUAL

    def test_last_is_the_latest_value_at_a_path_of_the_context(self) -> None:
        events = [view_in(1, device={"type": "tv"}), view_in(2, device={"type": "mobile"}), view_in(3, geo={})]
        assert truths(Last("device.type"), literal("mobile"), events) == EQUAL

    def test_a_null_at_the_path_is_the_latest_value(self) -> None:
        events = [view_in(1, device={"type": "tv"}), view_in(2, device={"type": None})]
        assert truths(Last("device.type"), literal("tv"), events) == ONLY_UNEQUAL

    @pytest.mark.parametrize("device", [None, "tv", [], {}, {"os": "x"}])
    def test_a_path_that_ends_early_says_nothing(self, device: Any) -> None:
        events = [view_in(1, device={"type": "tv"}), view_in(2, device=device)]
        assert truths(Last("device.type"), literal("tv"), events) == EQUAL

    def test_a_bare_term_holds_for_true_alone(self) -> None:
        assert judge(Holds(Trait("vip")), [known(1, vip=True)], 100)
        assert judge(Holds(Last("vip")), [view_in(1, vip=True)], 100)
        for value in (False, None, 1, 1.0, "true", [True]):
            assert not judge(Holds(Trait("vip")), [known(1, vip=value)], 100)


class TestComparisons:
    @pytest.mark.parametrize("written", [1, "a", True, None])
    def test_none_is_unequal_to_everything_and_never_ordered(self, written: Any) -> None:
        assert truths(Trait("age"), literal(written), [known(1)]) == ONLY_UNEQUAL
        assert not judge(Member(Trait("age"), (literal(written),)), [known(1)], 100)
        assert judge(Member(Trait("age"), (literal(written),), negated=True), [known(1)], 100)

    @pytest.mark.parametrize(
        ("value", "written"),
        [(1, "1"), ("1", 1), (True, 1), (1, True), (False, 0), (True, "true"), ([1], 1), ({}, "a"), ("a", None)],
    )
    def test_across_types_everything_is_unequal_and_never_ordered(self, value: Any, written: Any) -> None:
        assert truths(Trait("age"), literal(written), [known(1, age=value)]) == ONLY_UNEQUAL
        assert truths(literal(written), Trait("age"), [known(1, age=value)]) == ONLY_UNEQUAL

    @pytest.mark.parametrize(
        ("value", "written", "expected"),
        [
            (1, 1.0, EQUAL),
            (2**53 + 1, float(2**53), GREATER),
            ("a", "b", LESS),
            ("B", "a", LESS),
            ("", "a", LESS),
            ("10", "9", LESS),
            ("\uffff", "\U0001f45f", LESS),
            ("\u00e9", "e\u0301", GREATER),
            (False, True, LESS),
            (True, True, EQUAL),
        ],
    )
    def test_within_a_type_numbers_order_by_size_strings_by_code_points_and_false_comes_first(
        self, value: Any, written: Any, expected: list[str]
    ) -> None:
        assert truths(Trait("age"), literal(written), [known(1, age=value)]) == expected

    def test_a_literal_may_stand_on_the_left(self) -> None:
        assert truths(literal(1), Count(views()), [event("view", 1), event("view", 2)]) == LESS

    def test_in_and_not_in(self) -> None:
        one_or_three = Member(Count(views()), (literal(1), literal(3.0)))
        events = [event("view", ts) for ts in range(3)]
        assert [judge(one_or_three, events[:size], 100) for size in (1, 2, 3)] == [True, False, True]
        assert judge(replace(one_or_three, negated=True), events[:2], 100)

    def test_and_or_not(self) -> None:
        yes, no = Compare(Count(views()), "==", literal(1)), Compare(Count(views()), "==", literal(2))
        conditions: list[Rule] = [And((yes, yes)), And((yes, no)), Or((no, yes)), Or((no, no)), Not(no), Not(yes)]
        assert [judge(each, [event("view", 1)], 100) for each in conditions] == [True, False] * 3
