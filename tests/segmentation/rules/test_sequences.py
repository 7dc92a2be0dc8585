"""The latest completion of a sequence, against trying every combination of events."""

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.profile import Profile, add_all
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import origin
from services.segmentation.rules.scene import Scene

RED = (nodes.Filter("category", (nodes.Literal("string", "red"),)),)
steps = st.lists(st.sampled_from([nodes.Selection("a"), nodes.Selection("b"), nodes.Selection("a", RED)]), min_size=2)
events = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 8), st.sampled_from(["red", "blue"])), max_size=7)


def profile(found: list[tuple[str, int, str]]) -> Profile:
    facts = [
        Event(str(index), "u", type_, at_ms, properties={"category": color})
        for index, (type_, at_ms, color) in enumerate(found)
    ]
    return add_all(Profile(None, 0), facts, KEEP_ALL) or Profile(None, 0)


def tried(term: nodes.Sequence, found: list[tuple[str, int, str]]) -> int | None:
    fitting = [
        [at_ms for type_, at_ms, color in found if type_ == step.type and (not step.filters or color == "red")]
        for step in term.steps
    ]
    chains = [chain for chain in product(*fitting) if all(before < after for before, after in pairwise(chain))]
    within_ms = 10**9 if term.within_ms is None else term.within_ms
    return max((chain[-1] for chain in chains if chain[-1] - chain[0] <= within_ms), default=None)


@given(steps, st.sampled_from([None, 1, 2, 4]), events)
def test_the_walk_finds_what_trying_every_combination_finds(
    steps: list[nodes.Selection], within_ms: int | None, found: list[tuple[str, int, str]]
) -> None:
    term = nodes.Sequence(tuple(steps[:4]), within_ms)
    assert origin(term)(Scene(profile(found))) == tried(term, found)


def test_two_events_of_one_moment_are_in_no_order() -> None:
    term = nodes.Sequence((nodes.Selection("a"), nodes.Selection("b")))
    assert origin(term)(Scene(profile([("a", 5, "red"), ("b", 5, "red")]))) is None


def test_one_event_is_not_two_steps() -> None:
    term = nodes.Sequence((nodes.Selection("a"), nodes.Selection("a")), 10)
    assert origin(term)(Scene(profile([("a", 5, "red")]))) is None
    assert origin(term)(Scene(profile([("a", 5, "red"), ("a", 6, "red")]))) == 6
