"""Expressions over questions to the request: whatever is combined first and asked later, the answer is the same."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.intervals import ALWAYS, NEVER, START, clip, complement, intersection, union
from services.segmentation.rules.residual import Asked, Every, Residual, both, change, either, negate, settle, size

QUESTIONS = 3

moments = st.lists(st.integers(0, 12), unique=True, max_size=4).map(lambda found: tuple(sorted(found)))
intervals = st.one_of(moments, moments.map(complement), st.just(NEVER), st.just(ALWAYS))
leaves = st.one_of(intervals, st.integers(0, QUESTIONS - 1).map(Asked))


def _combined(parts: st.SearchStrategy[Residual]) -> st.SearchStrategy[Residual]:
    return st.one_of(
        st.tuples(parts, parts).map(lambda pair: both(*pair)),
        st.tuples(parts, parts).map(lambda pair: either(*pair)),
        parts.map(negate),
    )


residuals = st.recursive(leaves, _combined, max_leaves=8)
ANSWERS = [list(answers) for answers in product([False, True], repeat=QUESTIONS)]


@given(residuals, residuals)
def test_combining_before_asking_is_combining_after(first: Residual, second: Residual) -> None:
    for answers in ANSWERS:
        one, other = settle(first, answers.__getitem__), settle(second, answers.__getitem__)
        assert settle(both(first, second), answers.__getitem__) == intersection(one, other)
        assert settle(either(first, second), answers.__getitem__) == union(one, other)
        assert settle(negate(first), answers.__getitem__) == complement(one)


@given(residuals, st.integers(0, 12))
def test_clipping_before_asking_is_clipping_after(residual: Residual, from_ms: int) -> None:
    clipped = change(residual, lambda found: clip(found, from_ms), lambda number: number)
    for answers in ANSWERS:
        assert settle(clipped, answers.__getitem__) == clip(settle(residual, answers.__getitem__), from_ms)


@given(residuals)
def test_questions_can_be_numbered_anew(residual: Residual) -> None:
    turned = change(residual, lambda found: found, lambda number: QUESTIONS - 1 - number)
    for answers in ANSWERS:
        assert settle(turned, answers[::-1].__getitem__) == settle(residual, answers.__getitem__)


def test_what_no_answer_can_change_is_plain_intervals() -> None:
    assert both(Asked(0), NEVER) == NEVER
    assert either(Asked(0), ALWAYS) == ALWAYS
    assert both(Asked(0), ALWAYS) == Asked(0)
    assert both(both((START, 5), Asked(0)), (START, 3)) == Every(((START, 3), Asked(0)))


def test_a_question_asked_twice_is_kept_once() -> None:
    assert size(both(both(Asked(0), Asked(1)), Asked(0))) == 2
