"""What fading counts are worth, one small example a sentence of the specification; half-lives are 10 ms."""

from decimal import Decimal
from typing import Any

import pytest

from services.segmentation.rules.nodes import Compare, Decayed, Filter, Literal, Operator, Selection, Share, Term
from tests.oracle.examples import EQUAL, GREATER, LESS, MISSING, event, matching, truths, view_in, views
from tests.oracle.judge import judge
from tests.oracle.rule_strategies import literal

FAR_MS = 10**13
NEXT_ABOVE_ZERO = 5e-324


def decayed(**filters: Any) -> Decayed:
    return Decayed(views(**filters), 10)


def share(part: Filter, halflife_ms: int = 10) -> Share:
    return Share("view", part, halflife_ms)


def holds(term: Term, operator: Operator, threshold: float, *events: Any, at_ms: int = 100) -> bool:
    return judge(Compare(term, operator, literal(threshold)), events, at_ms)


class TestDecayed:
    @pytest.mark.parametrize(("age_ms", "value"), [(0, 1), (10, 0.5), (20, 0.25), (5, 0.7071067811865476)])
    def test_an_event_weighs_half_as_much_for_every_half_life_since(self, age_ms: int, value: float) -> None:
        assert truths(decayed(), literal(value), [event("view", 100 - age_ms)]) == EQUAL

    def test_weights_add_up(self) -> None:
        events = [event("view", 100), event("view", 100, "other"), event("view", 90), event("view", 80)]
        assert truths(decayed(), literal(2.75), events) == EQUAL

    def test_only_matching_events_of_the_type_have_weight(self) -> None:
        events = [event("view", 100, brand="x"), event("view", 90, brand="y"), event("cart", 95)]
        assert truths(decayed(), literal(1.5), events) == EQUAL
        assert truths(decayed(brand="y"), literal(0.5), events) == EQUAL

    def test_the_whole_past_has_weight_as_far_as_the_256_newest_go(self) -> None:
        events = [event("view", ts, brand="old" if ts < 44 else "new") for ts in range(300)]
        long = 10**12
        assert judge(Compare(Decayed(views(), long), ">", literal(255.9)), events, 300)
        assert judge(Compare(Decayed(views(), long), "<", literal(256)), events, 300)
        assert truths(Decayed(views(brand="old"), long), literal(0), events, 300) == EQUAL

    def test_without_an_event_it_is_zero(self) -> None:
        assert truths(decayed(), literal(0), [event("cart", 1)]) == EQUAL

    def test_with_one_it_is_above_zero_for_ever_and_below_every_other_number_in_the_end(self) -> None:
        assert truths(decayed(), literal(0), [event("view", 1)], FAR_MS) == GREATER
        assert truths(decayed(), literal(-0.0), [event("view", 1)], FAR_MS) == GREATER
        assert truths(decayed(), literal(NEXT_ABOVE_ZERO), [event("view", 1)], FAR_MS) == LESS

    @pytest.mark.parametrize(("at_ms", "expected"), [(119, GREATER), (120, EQUAL), (121, LESS)])
    def test_it_crosses_a_threshold_at_a_millisecond(self, at_ms: int, expected: list[str]) -> None:
        assert truths(decayed(), literal(0.25), [event("view", 100)], at_ms) == expected

    @pytest.mark.parametrize("near", [1.00000000000005, 0.99999999999995])
    def test_within_1e_13_of_a_number_it_is_equal_to_it(self, near: float) -> None:
        assert truths(decayed(), literal(near), [event("view", 100)]) == EQUAL
        assert truths(literal(near), decayed(), [event("view", 100)]) == EQUAL

    @pytest.mark.parametrize(("threshold", "expected"), [(1.0000000000005, LESS), (0.9999999999995, GREATER)])
    def test_further_apart_it_is_not(self, threshold: float, expected: list[str]) -> None:
        assert truths(decayed(), literal(threshold), [event("view", 100)]) == expected

    def test_the_tolerance_is_relative_however_small_the_numbers_are(self) -> None:
        tiny = float(Decimal(2) ** -1000)
        at_ms = 100 + 1000 * 10
        assert truths(decayed(), literal(tiny), [event("view", 100)], at_ms) == EQUAL
        assert truths(decayed(), literal(tiny * (1 + 1e-12)), [event("view", 100)], at_ms) == LESS

    def test_a_number_may_be_a_whole_one_of_any_size(self) -> None:
        assert truths(decayed(), Literal("number", 10**300), [event("view", 100)]) == LESS


class TestShare:
    def test_it_is_the_part_of_the_weight_that_matches(self) -> None:
        events = [event("view", 100, brand="x"), event("view", 90, brand="y"), event("view", 90, "z")]
        assert truths(share(matching("brand", "x")), literal(0.5), events) == EQUAL
        assert truths(share(matching("brand", "y")), literal(0.25), events) == EQUAL

    def test_several_values_mean_any_of_them(self) -> None:
        events = [event("view", 100, brand=each, event_id=each) for each in "wxyz"]
        assert truths(share(matching("brand", ["x", "z"])), literal(0.5), events) == EQUAL

    def test_the_field_may_be_one_of_the_context(self) -> None:
        events = [view_in(100, device={"type": "tv"}), view_in(90, device={"type": "mobile"})]
        assert holds(share(matching("context.device.type", "tv")), ">", 0.66, *events)
        assert holds(share(matching("context.device.type", "tv")), "<", 0.67, *events)

    @pytest.mark.parametrize("value", [MISSING, None, [], "X", {"x": "x"}])
    def test_what_does_not_match_weighs_against(self, value: Any) -> None:
        odd = event("view", 100, "odd") if value is MISSING else event("view", 100, "odd", brand=value)
        events = [event("view", 100, brand=["y", "x"]), odd]
        assert truths(share(matching("brand", "x")), literal(0.5), events) == EQUAL

    def test_without_an_event_of_the_type_it_is_zero(self) -> None:
        assert truths(share(matching("brand", "x")), literal(0), [event("cart", 1, brand="x")]) == EQUAL

    def test_without_a_matching_one_it_is_zero_and_with_nothing_else_it_is_one(self) -> None:
        assert truths(share(matching("brand", "x")), literal(0), [event("view", 1)]) == EQUAL
        assert truths(share(matching("brand", "x")), literal(1), [event("view", 1, brand="x")], FAR_MS) == EQUAL

    def test_it_stays_the_same_however_far_in_the_future(self) -> None:
        events = [event("view", 100, brand="x"), event("view", 90)]
        found = [truths(share(matching("brand", "x")), literal(2 / 3), events, at) for at in (100, 10**6, FAR_MS)]
        assert found == [EQUAL] * 3

    def test_a_part_that_is_next_to_nothing_is_not_nothing(self) -> None:
        events = [event("view", 0, brand="x"), event("view", 10**12)]
        assert truths(share(matching("brand", "x"), 1), literal(0), events, FAR_MS) == GREATER
        assert truths(share(matching("brand", "x"), 1), literal(NEXT_ABOVE_ZERO), events, FAR_MS) == LESS

    def test_a_whole_that_lacks_next_to_nothing_is_equal_to_one(self) -> None:
        events = [event("view", 0), event("view", 10**12, brand="x")]
        assert truths(share(matching("brand", "x"), 1), literal(1), events, FAR_MS) == EQUAL

    def test_the_256_newest_of_the_type_are_the_whole(self) -> None:
        events = [event("view", ts, brand="old" if ts < 1 else "new") for ts in range(257)]
        old = Share("view", matching("brand", "old"), 10**12)
        assert truths(old, literal(0), events, 300) == EQUAL
        assert truths(Decayed(Selection("view", (old.part,)), 10**12), literal(0), events, 300) == EQUAL
