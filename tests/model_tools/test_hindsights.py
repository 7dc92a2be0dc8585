"""The figures of a score are what they are defined to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from services.model_tools.hindsight import Judged
from services.model_tools.report.hindsights import auc, bins, hits, lift, lift_by_decile

SCORES = st.sampled_from([0.0, 0.1, 0.5, 0.5000001, 0.9, 1.0])
JUDGED = st.lists(st.builds(Judged, SCORES, st.booleans()), min_size=1, max_size=60)


@given(JUDGED)
def test_the_area_under_the_curve_is_that_of_scikit_learn(judged: list[Judged]) -> None:
    truths = [each.was_true for each in judged]
    if all(truths) or not any(truths):
        assert auc(judged) is None
    else:
        assert auc(judged) == pytest.approx(roc_auc_score(truths, [each.said for each in judged]))


@given(JUDGED, st.floats(0, 1))
def test_hits_do_not_depend_on_the_order_of_equal_scores(judged: list[Judged], part: float) -> None:
    assert hits(judged, part) == pytest.approx(hits(judged[::-1], part))
    assert hits(judged, 1.0) == pytest.approx(sum(each.was_true for each in judged))


@given(JUDGED)
def test_the_lifts_of_tenths_are_one_on_average(judged: list[Judged]) -> None:
    if any(each.was_true for each in judged):
        assert sum(lift_by_decile(judged)) == pytest.approx(10)


def test_of_equal_scores_as_many_are_right_as_is_likely() -> None:
    assert hits([Judged(0.5, True)] * 10, 0.25) == pytest.approx(2.5)
    assert hits([Judged(0.9, False), *[Judged(0.5, True)] * 4], 0.6) == pytest.approx(2)


def test_a_perfect_score_has_the_lift_that_there_can_be() -> None:
    judged = [Judged(float(number < 5), number < 5) for number in range(100)]
    assert lift(judged, 0.05) == pytest.approx(20)
    assert lift_by_decile(judged)[0] == pytest.approx(10)
    assert lift([Judged(0.5, False)], 0.05) is None


@given(JUDGED)
def test_bins_hold_everybody_and_equal_scores_together(judged: list[Judged]) -> None:
    found = bins(judged)
    assert sum(each.users for each in found) == len(judged)
    assert [each.said for each in found] == sorted(each.said for each in found)
    assert len(found) <= 10
    assert all(0 <= each.low <= each.rate <= each.high <= 1 for each in found)
    assert sum(each.users * each.rate for each in found) == pytest.approx(sum(each.was_true for each in judged))


def test_the_interval_is_wilsons() -> None:
    (only,) = bins([Judged(0.5, number < 10) for number in range(100)])
    assert only.low == pytest.approx(0.0552, abs=1e-4)
    assert only.high == pytest.approx(0.1744, abs=1e-4)
