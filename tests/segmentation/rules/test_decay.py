"""When a decayed count crosses a threshold: at the exact millisecond, with equality of fractions as rules mean it."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.intervals import ALWAYS, NEVER, START, Intervals, contains
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.decay import decayed_at, holds, sign
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.nodes import Operator
from services.segmentation.rules.scene import Scene
from services.segmentation.rules.strands import Strand

HOUR = 3_600_000
SYMBOLS: tuple[Operator, ...] = ("<", "<=", ">", ">=")
T = 1_700_000_000_000


def profile(*moments_ms: int, category: str = "a") -> Profile:
    events = (
        Event(f"{category}{index}", "u", "view", at_ms, properties={"category": category})
        for index, at_ms in enumerate(moments_ms)
    )
    found = add_all(Profile(T, T), events, KEEP_ALL)
    assert found is not None
    return found


def number(value: float) -> nodes.Literal:
    return nodes.Literal("number", value)


def decayed(halflife_ms: int = HOUR) -> nodes.Decayed:
    return nodes.Decayed(nodes.Selection("view"), halflife_ms)


def comparison(
    term: nodes.Decayed | nodes.Share, symbol: Operator, literal: nodes.Literal
) -> Callable[[Profile], Intervals]:
    moments = evaluator(nodes.Compare(term, symbol, literal))

    def compare(person: Profile) -> Intervals:
        found = moments(Scene(person))
        assert isinstance(found, tuple)
        return found

    return compare


def test_half_is_reached_after_one_half_life_and_counts_as_equal_there() -> None:
    found = {symbol: comparison(decayed(), symbol, number(0.5))(profile(T)) for symbol in SYMBOLS}
    assert found[">="] == (START, T + HOUR + 1)
    assert found[">"] == (START, T + HOUR)
    assert found["<="] == (T + HOUR,)
    assert found["<"] == (T + HOUR + 1,)


def test_a_single_event_never_fades_to_nothing() -> None:
    assert comparison(decayed(1), ">", number(0))(profile(T)) == ALWAYS
    assert comparison(decayed(1), "<=", number(0))(profile(T)) == NEVER
    assert comparison(decayed(1), "<=", number(0))(Profile(T, T)) == ALWAYS
    assert comparison(decayed(1), ">", number(-1))(Profile(T, T)) == ALWAYS


@pytest.mark.parametrize("halflife_ms", [1, HOUR, 3_660_000 * 24 * HOUR])
@pytest.mark.parametrize("threshold", [0, 5e-324, 1e-300, 1.7e308, -1.7e308, 10**300])
def test_thresholds_at_the_ends_of_what_can_be_written(threshold: float, halflife_ms: int) -> None:
    for symbol in SYMBOLS:
        moments = comparison(decayed(halflife_ms), symbol, number(threshold))(profile(T, T))
        assert contains(moments, T) == (symbol in ("<", "<=") if threshold > 1 else symbol in (">", ">="))


@given(
    st.lists(st.integers(0, 10 * HOUR), min_size=1, max_size=8),
    st.sampled_from([1, 60_000, HOUR, 24 * HOUR, 10**14]),
    st.floats(1e-9, 9),
    st.sampled_from(SYMBOLS),
)
def test_on_either_side_of_each_crossing_the_comparison_says_the_same(
    ages_ms: list[int], halflife_ms: int, threshold: float, symbol: Operator
) -> None:
    person = profile(*(T - age_ms for age_ms in ages_ms))
    moments = comparison(decayed(halflife_ms), symbol, number(threshold))(person)
    value = decayed_at(Strand("view", ()), halflife_ms)
    for boundary_ms in [*moments, T, T + 30 * HOUR]:
        for at_ms in (boundary_ms - 1, boundary_ms, boundary_ms + 1):
            there = value(Scene(person), at_ms) if at_ms >= T else threshold
            if abs(there - threshold) > 1.1e-13 * threshold:  # closer than that, the last bits of a float decide
                assert contains(moments, at_ms) == holds(symbol, sign(there, threshold))


def test_a_share_stays_what_it_is_even_when_everything_has_faded_away() -> None:
    share = nodes.Share("view", nodes.Filter("category", (nodes.Literal("string", "a"),)), 1)
    person = add_all(profile(T, T), [Event("b", "u", "view", T, properties={"category": "b"})], KEEP_ALL)
    assert person is not None
    assert comparison(share, ">=", number(2 / 3))(person) == ALWAYS
    assert comparison(share, ">", number(2 / 3))(person) == NEVER
    assert comparison(share, ">", number(0))(Profile(T, T)) == NEVER


def test_a_share_that_has_faded_beyond_what_a_float_holds_is_not_nothing() -> None:
    share = nodes.Share("view", nodes.Filter("category", (nodes.Literal("string", "a"),)), 1)
    person = add_all(profile(T - 2_000), [Event("b", "u", "view", T, properties={"category": "b"})], KEEP_ALL)
    assert person is not None
    assert comparison(share, ">", number(0))(person) == ALWAYS
    assert comparison(share, "<=", number(0))(person) == NEVER
    assert comparison(share, ">=", number(5e-324))(person) == NEVER
    assert comparison(share, "<", number(5e-324))(person) == ALWAYS
    assert comparison(share, ">", number(-1.7e308))(person) == ALWAYS


def test_fractions_next_to_each_other_are_equal() -> None:
    assert sign(1 + 5e-14, 1) == 0
    assert sign(1 + 2e-13, 1) == 1
    assert sign(math.nextafter(0, 1), 0) == 1


def test_next_to_nothing_the_moment_is_exact_too() -> None:
    moments = comparison(decayed(), "<", number(5e-324))(profile(T, T))
    assert moments == (T + 1075 * HOUR + 1,)
