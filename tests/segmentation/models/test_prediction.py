"""What snapshots say of a user, on snapshots small enough to reckon by hand."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.prediction import Output, Rfm, on_curve, predict
from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Body, Classes, Clusters, Knots, Linear, Snapshot, Trees

RISING: Knots = ((-1.0, 0.0), (1.0, 0.5), (2.0, 1.0))
TREES = Trees(
    height=2,
    size_limit=4.0,
    features=((0, 1, 1), (1, 0, 0)),
    thresholds=((0.0, -1.0, 1.0), (0.5, 0.0, 0.0)),
    masses=((10.0, 4.0, 6.0, 1.0, 3.0, 2.0, 4.0), (10.0, 2.0, 8.0, 1.0, 1.0, 5.0, 3.0)),
    curve=((-100.0, 0.0), (0.0, 1.0)),
)


PLAIN = Scale((0.0, 0.0), (1.0, 1.0))


def said(body: Body, features: Vector, scale: Scale = PLAIN) -> Output:
    return predict(Snapshot("m", 1, "", ("x", "y"), scale, body, 100, 0), features)


@pytest.mark.parametrize(
    ("features", "cluster"),
    [
        ((1.0, 1.0), "c1"),
        ((-1.0, -1.0), "c2"),
        ((3.0, 3.0), "c1"),
        ((0.0, 0.0), "c1"),  # as far from both: the first
        ((None, -1.0), "c2"),
        ((None, None), "c1"),
        ((math.nan, -1.0), "c2"),
    ],
)
def test_the_nearest_centre_wins_for_the_cluster_that_it_stands_for(features: Vector, cluster: str) -> None:
    centres = ((1.0, 1.0), (-1.0, -1.0), (3.0, 3.0))
    assert said(Clusters(centres, ("c1", "c2", "c1")), features) == cluster


def test_the_power_of_the_distance_decides_who_is_nearest() -> None:
    centres = ((3.0, 0.0), (2.0, 2.0))
    assert said(Clusters(centres, ("c1", "c2"), power=1.0), (0.0, 0.0)) == "c1"
    assert said(Clusters(centres, ("c1", "c2"), power=2.0), (0.0, 0.0)) == "c2"


def test_without_centres_nothing_is_said() -> None:
    assert said(Clusters((), ()), (0.0, 0.0)) is None


def test_distances_are_taken_on_the_scale_of_the_snapshot() -> None:
    clusters = Clusters(((0.0, 0.0), (5.0, 0.0)), ("c1", "c2"))
    assert said(clusters, (1.2, 0.0), Scale((1.0, 0.0), (0.1, 1.0))) == "c1"
    assert said(clusters, (1.3, 0.0), Scale((1.0, 0.0), (0.1, 1.0))) == "c2"


def test_a_weighted_sum_is_read_on_its_curve() -> None:
    linear = Linear((1.0, -2.0), 0.5, RISING)
    assert said(linear, (0.5, 0.0)) == 0.5
    assert said(linear, (0.5, 0.5)) == 0.25
    assert said(linear, (None, None)) == 0.375
    assert said(linear, (9.0, -9.0)) == 1.0
    assert said(linear, (-9.0, 9.0)) == 0.0


@pytest.mark.parametrize(
    ("features", "mass"),
    [
        (
            (-1.0, -2.0),
            10 + 2 * 4 + 4 * 1 + 10 + 2 * 2,
        ),  # the second tree ends early: 2 is under the limit, 4 is not
        ((-1.0, 1.0), 10 + 2 * 4 + 4 * 3 + 10 + 2 * 8 + 4 * 5),
        ((0.0, 1.0), 10 + 2 * 6 + 4 * 4 + 10 + 2 * 8 + 4 * 3),  # what is at a threshold goes to the right
        ((None, 0.5), 10 + 2 * 6 + 4 * 2 + 10 + 2 * 8 + 4 * 3),
    ],
)
def test_the_mass_of_trees_is_summed_down_to_where_hardly_anybody_is(features: Vector, mass: float) -> None:
    assert said(TREES, features) == pytest.approx(1 - mass / 100)


@pytest.mark.parametrize(
    ("features", "classes"),
    [
        ((9, 1.0, 5.0), (5, 1, 1)),
        ((10, 2.0, 10.0), (4, 2, 2)),  # within ten means less than ten; who reaches a bound is above it
        ((25, 4.5, 35.0), (3, 4, 4)),
        ((10_000, 9.0, 1e15), (1, 5, 5)),
        ((10_000, 0, -3.0), (1, 1, 1)),
    ],
)
def test_classes_go_from_one_to_five_the_best(features: Vector, classes: tuple[int, ...]) -> None:
    bounds = Classes((10, 20, 30, 40), (2.0, 3.0, 4.0, 5.0), (10.0, 20.0, 30.0, 40.0))
    assert said(bounds, features) == Rfm(*classes)


@pytest.mark.parametrize("features", [(None, None, None), (5, None, 1.0), (None, 1.0, 1.0), (5, 1.0, None)])
def test_who_never_did_it_is_in_no_class(features: Vector) -> None:
    assert said(Classes((1, 2, 3, 4), (1.0,) * 4, (1.0,) * 4), features) is None


@pytest.mark.parametrize("body", [Clusters(((0.0, 0.0),), ("c1",)), Linear((1.0, 1.0), 0.0, RISING), TREES])
def test_a_vector_of_another_length_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="zip"):
        said(body, (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("at", "value"), [(-math.inf, 0), (-1.0, 0), (0.0, 0.25), (1.0, 0.5), (1.5, 0.75), (2.0, 1), (math.inf, 1)]
)
def test_a_curve_is_straight_between_its_knots_and_level_outside(at: float, value: float) -> None:
    assert on_curve(RISING, at) == value


def test_a_curve_of_one_knot_is_level() -> None:
    assert [on_curve(((0.0, 0.3),), at) for at in (-1.0, 0.0, 1.0)] == [0.3] * 3


def test_a_curve_does_not_pass_its_next_knot_by_rounding() -> None:
    right = 0.2 + 0.7 + 0.1
    assert on_curve(((0.2, 0.3), (right, 0.9)), math.nextafter(right, 0)) <= 0.9


floats = st.floats(-1e6, 1e6)


@given(
    at=st.lists(floats, min_size=1, max_size=20, unique=True).map(sorted),
    heights=st.lists(st.floats(0, 1), min_size=20, max_size=20).map(sorted),
    probes=st.lists(floats, min_size=2, max_size=2).map(sorted),
)
def test_a_curve_never_falls_and_never_leaves_its_ends(
    at: list[float], heights: list[float], probes: list[float]
) -> None:
    curve = tuple(zip(at, heights, strict=False))
    low, high = (on_curve(curve, probe) for probe in probes)
    assert curve[0][1] <= low <= high <= curve[-1][1]
    assert [on_curve(curve, knot) for knot, _ in curve] == [value for _, value in curve]
