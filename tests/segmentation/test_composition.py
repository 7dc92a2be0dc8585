"""Segments made of segments: evaluated after their parts, never made of themselves."""

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.composition import objection, order, users_of

USES = {"c": ("a", "b"), "b": ("a",), "a": (), "d": ("c", "a")}


@given(st.permutations(list(USES)))
def test_each_comes_after_what_it_uses(ids: list[str]) -> None:
    found = list(order({each: USES[each] for each in ids}))
    assert sorted(found) == sorted(USES)
    assert all(found.index(used) < found.index(each) for each, used_by in USES.items() for used in used_by)


def test_a_long_chain_needs_no_deep_recursion() -> None:
    chain = {str(number): (str(number + 1),) for number in range(5_000)} | {"5000": ()}
    assert next(iter(order(chain))) == "5000"
    assert objection("5000", chain)("0") is not None


def test_a_segment_must_not_be_made_of_itself() -> None:
    assert objection("d", USES)("c") is None
    assert "a -> d -> a" in (objection("a", USES)("d") or "")
    assert "a -> a" in (objection("a", USES)("a") or "")


def test_a_segment_that_does_not_exist_is_answered_with_the_nearest() -> None:
    complaint = objection("new", {"cart-abandoners": (), "new": ()})("cart-abandoner")
    assert "cart-abandoners" in (complaint or "")


def test_who_uses_a_segment() -> None:
    assert users_of("a", USES) == ["b", "c", "d"]
    assert users_of("d", USES) == []
