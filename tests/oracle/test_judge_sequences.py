"""When steps count as taken in order, one small example a sentence of the specification."""

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Compare, Holds, Member, Selection, Sequence, Since, Tenure
from tests.oracle.examples import EQUAL, GREATER, LESS, NOTHING_HOLDS, duration, event, matching, truths
from tests.oracle.judge import judge


def sequence(*steps: str | Selection, within_ms: int | None = None) -> Sequence:
    return Sequence(tuple(Selection(each) if isinstance(each, str) else each for each in steps), within_ms)


def step(type_: str, **filters: Any) -> Selection:
    return Selection(type_, tuple(matching(name, value) for name, value in filters.items()))


def history(**times_ms: list[int]) -> list[Event]:
    return [event(type_, ts_ms) for type_, times in times_ms.items() for ts_ms in times]


def completed(term: Sequence, events: list[Event], at_ms: int = 100) -> int | None:
    """The moment at which it was last completed, as the rule sees it."""
    found = [at for at in range(at_ms + 1) if truths(term, duration(at_ms - at), events, at_ms) == EQUAL]
    assert bool(found) == judge(Holds(term), events, at_ms)
    return found[0] if found else None


SHOP = sequence("view", "cart", "buy")


class TestOrder:
    def test_it_is_completed_by_its_last_step(self) -> None:
        assert completed(SHOP, history(view=[10], cart=[20], buy=[30])) == 30

    @pytest.mark.parametrize("events", [{"view": [20], "cart": [10], "buy": [30]}, {"view": [10], "cart": [20]}])
    def test_steps_out_of_order_or_missing_do_not_complete_it(self, events: dict[str, list[int]]) -> None:
        assert completed(SHOP, history(**events)) is None

    def test_the_order_of_arrival_does_not_matter(self) -> None:
        assert completed(SHOP, history(buy=[30], view=[10], cart=[20])) == 30

    def test_each_step_is_later_than_the_one_before_and_not_at_the_same_time(self) -> None:
        assert completed(sequence("view", "cart"), history(view=[10], cart=[10])) is None
        assert completed(sequence("view", "cart"), history(view=[10], cart=[11])) == 11

    def test_other_events_between_do_not_interrupt_it(self) -> None:
        assert completed(sequence("view", "buy"), history(view=[10, 15], cart=[20], buy=[30])) == 30

    def test_it_counts_from_the_latest_completion(self) -> None:
        assert completed(sequence("view", "cart"), history(view=[10, 30], cart=[20, 40])) == 40
        assert completed(sequence("view", "cart"), history(view=[10, 50], cart=[20, 40])) == 40

    def test_the_same_type_may_come_again_and_one_event_is_one_step(self) -> None:
        again = sequence("view", "view", "view")
        assert completed(again, history(view=[10, 20])) is None
        assert completed(again, history(view=[10, 20, 20, 30])) == 30

    def test_steps_may_have_filters(self) -> None:
        shoes = sequence("view", step("cart", category="shoes"), "buy")
        events = [event("view", 10), event("cart", 20, category="hats"), event("buy", 30)]
        assert completed(shoes, events) is None
        assert completed(shoes, [*events, event("cart", 25, category="shoes")]) == 30


class TestWithin:
    @pytest.mark.parametrize(("within_ms", "expected"), [(19, None), (20, 30), (21, 30), (None, 30)])
    def test_first_and_last_step_are_at_most_that_far_apart(self, within_ms: int | None, expected: int | None) -> None:
        events = history(view=[10], cart=[20], buy=[30])
        assert completed(sequence("view", "cart", "buy", within_ms=within_ms), events) == expected

    def test_the_best_beginning_counts_and_not_the_first(self) -> None:
        events = history(view=[10, 70], cart=[20, 80], buy=[90])
        assert completed(sequence("view", "cart", "buy", within_ms=20), events) == 90

    def test_an_earlier_completion_counts_where_the_latest_steps_are_too_far_apart(self) -> None:
        events = history(view=[10], cart=[15, 60])
        assert completed(sequence("view", "cart", within_ms=10), events) == 15

    def test_it_says_nothing_about_how_long_ago_that_was(self) -> None:
        assert judge(Holds(sequence("view", "cart", within_ms=10)), history(view=[10], cart=[15]), 10**13)


class TestComparing:
    EVENTS = history(view=[10], cart=[40])

    def test_it_compares_with_durations_like_since(self) -> None:
        assert truths(sequence("view", "cart"), duration(61), self.EVENTS) == LESS
        assert truths(duration(60), sequence("view", "cart"), self.EVENTS) == EQUAL
        assert judge(Member(sequence("view", "cart"), (duration(1), duration(60))), self.EVENTS, 100)

    def test_never_completed_is_later_than_any_duration(self) -> None:
        assert truths(SHOP, duration(10**14), self.EVENTS) == GREATER
        assert not judge(Member(SHOP, (duration(60),)), self.EVENTS, 100)

    def test_it_compares_with_other_times(self) -> None:
        assert truths(sequence("view", "cart"), Since(Selection("cart")), self.EVENTS) == EQUAL
        assert truths(sequence("view", "cart"), Tenure(), self.EVENTS) == LESS
        assert truths(SHOP, Since(Selection("view")), self.EVENTS) == GREATER
        assert truths(SHOP, Since(Selection("buy")), self.EVENTS) == NOTHING_HOLDS

    def test_bare_it_was_ever_completed(self) -> None:
        assert judge(Holds(sequence("view", "cart")), self.EVENTS, 10**13)
        assert not judge(Holds(SHOP), self.EVENTS, 100)


def test_each_step_sees_the_256_newest_of_its_type() -> None:
    first = [event("view", 0, category="old"), event("cart", 1)]
    crowd = [event("view", ts) for ts in range(2, 257)]
    old_first = sequence(step("view", category="old"), "cart")
    assert judge(Holds(old_first), [*first, *crowd], 300)
    assert not judge(Holds(old_first), [*first, *crowd, event("view", 299)], 300)


@given(
    steps=st.lists(st.sampled_from(["view", "cart"]), min_size=2, max_size=4),
    events=st.lists(st.tuples(st.sampled_from(["view", "cart"]), st.integers(0, 9)), max_size=7),
    within_ms=st.none() | st.integers(1, 9),
)
def test_it_is_the_latest_end_of_all_choices_of_events(
    steps: list[str], events: list[tuple[str, int]], within_ms: int | None
) -> None:
    choices = product(*([ts for type_, ts in events if type_ == each] for each in steps))
    ends = [
        each[-1]
        for each in choices
        if all(one < next_ for one, next_ in pairwise(each)) and (within_ms is None or each[-1] - each[0] <= within_ms)
    ]
    facts = [event("seen", 0), *(event(type_, ts, f"e{n}") for n, (type_, ts) in enumerate(events))]
    found = completed(sequence(*steps, within_ms=within_ms), facts, 10)
    assert found == max(ends, default=None)


def test_the_operators_are_those_of_a_time() -> None:
    at_most = Compare(sequence("view", "cart"), "<=", duration(60))
    assert [judge(at_most, TestComparing.EVENTS, at) for at in (100, 101)] == [True, False]
