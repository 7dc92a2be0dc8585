"""What a model said is judged by what came after, and by nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from services.model_tools.hindsight import MOST, Judged, OfLabels, OfOutcomes, hindsight
from services.segmentation.models.definition import MODEL
from services.segmentation.models.samples import Outcome, Sample

WITHIN_MS = 10
TOLD = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=40)
"""Of each: how long after the one before, whose, and whether it is an outcome."""


@given(TOLD)
def test_it_is_true_if_it_happened_after_the_sample_and_within_the_horizon(told: list[tuple[int, int, bool]]) -> None:
    judge, now_ms, history = OfOutcomes(WITHIN_MS), 0, list[Sample | Outcome]()
    for step_ms, user, is_outcome in told:
        now_ms += step_ms
        each = Outcome(user, now_ms) if is_outcome else Sample(user, now_ms, (len(history),))
        history.append(each)
        if isinstance(each, Outcome):
            judge.happened(each)
        else:
            judge.sampled(each, lambda sample: sample.features[0])
    samples = [each for each in history if isinstance(each, Sample)]
    outcomes = [each for each in history if isinstance(each, Outcome)]
    latest_ms = max((each.at_ms for each in samples), default=0)
    assert list(judge.judged) == [
        Judged(
            each.features[0] or 0.0,
            any(of.user == each.user and 0 < of.at_ms - each.at_ms <= WITHIN_MS for of in outcomes),
        )
        for each in samples
        if each.at_ms + WITHIN_MS < latest_ms
    ]


def test_before_the_first_snapshot_nothing_is_judged() -> None:
    for judge in (OfOutcomes(1), OfLabels()):
        judge.sampled(Sample(1, 0, (1.0,), True), lambda _: None)
        judge.sampled(Sample(1, 9, (1.0,), True), lambda _: None)
        assert not judge.judged


def test_the_latest_answers_are_kept_and_no_more() -> None:
    judge = OfLabels()
    for number in range(MOST + 5):
        judge.sampled(Sample(number, number, (float(number),), number % 2 == 0), lambda sample: sample.features[0])
    assert len(judge.judged) == MOST
    assert judge.judged[0] == Judged(5.0, False)


def test_each_kind_is_judged_by_what_it_foretells() -> None:
    features = {"a": "tenure()"}
    soon = MODEL.validate_python({"name": "S", "kind": "propensity", "within": "2h", "features": features})
    like = MODEL.validate_python({"name": "L", "kind": "lookalike", "seed": "s", "features": features})
    assert isinstance(hindsight(soon), OfOutcomes)
    assert isinstance(hindsight(like), OfLabels)
    judge = hindsight(MODEL.validate_python({"name": "G", "kind": "cluster", "features": features}))
    judge.sampled(Sample(1, 0, (1.0,)), lambda _: 1.0)
    assert not judge.judged
