"""A predictor says what the slow prediction says, number for number."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.models.definition import MODEL, ModelDefinition
from services.segmentation.models.forest import unusual_by_walk
from services.segmentation.models.prediction import predict, unusual
from services.segmentation.models.predictor import predictor
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Clusters, Snapshot, Trees
from tests.oracle.model_strategies import rolled
from tests.oracle.rule_strategies import MODELS

LENGTH = 3
_numbers = (
    st.none()
    | st.integers(-25, 25).map(float)
    | st.floats(-25, 25)
    | st.sampled_from([0.0, -0.0, 0.5, 25.0, 1e300, -1e300, math.inf, -math.inf, math.nan])
)
_vectors = st.lists(st.tuples(*[_numbers] * LENGTH), min_size=5, max_size=20)


LINE = ((-1e6, -1e6), (0.0, 0.0))
_steps = st.integers(-5, 5).map(float)
_masses = st.integers(0, 60).map(float) | st.floats(0, 60)


@st.composite
def forests(draw: st.DrawFn) -> Trees:
    """Of many heights; many thresholds are the same."""
    height, count = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    inner = 2**height - 1
    random = Random(draw(st.integers(0, 2**32)))

    def rows(one: st.SearchStrategy[float], length: int) -> tuple[tuple[float, ...], ...]:
        some = draw(st.lists(one, min_size=1, max_size=20))
        return tuple(tuple(random.choices(some, k=length)) for _ in range(count))

    features = tuple(tuple(random.randrange(LENGTH) for _ in range(inner)) for _ in range(count))
    thresholds, masses = rows(_steps | st.floats(-5, 5), inner), rows(_masses, 2 * inner + 1)
    return Trees(height, draw(st.floats(-1, 30)), features, thresholds, masses, LINE)


def definition(model: str) -> ModelDefinition:
    features = {} if MODELS[model] == "rfm" else {"features": {f"f{n}": f"count('e{n}')" for n in range(LENGTH)}}
    return MODEL.validate_python({"name": model, "kind": MODELS[model], **features})


@settings(max_examples=200)
@given(model=st.sampled_from(sorted(MODELS)), seed=st.integers(0, 2**32), vectors=_vectors)
def test_it_says_the_same(model: str, seed: int, vectors: list[tuple[float | None, ...]]) -> None:
    same(rolled(model, definition(model), Random(seed)), vectors)


@settings(max_examples=200)
@given(
    centres=st.lists(st.tuples(*[st.integers(-2, 2).map(float)] * LENGTH), max_size=6),
    power=st.sampled_from([2.0, 2, 1.0, 3.0]),
    vectors=_vectors,
)
def test_it_does_so_between_centres_that_are_equally_near(
    centres: list[tuple[float, ...]], power: float, vectors: list[tuple[float | None, ...]]
) -> None:
    body = Clusters(tuple(centres), tuple(f"c{number}" for number, _ in enumerate(centres, start=1)), power)
    one = rolled("groups", definition("groups"), Random(1))
    same(replace(one, scale=Scale((0.0,) * LENGTH, (1.0,) * LENGTH), body=body), vectors)


@settings(max_examples=200)
@given(corner=st.tuples(*[st.floats(0.01, 3)] * LENGTH), at=st.floats(-5, 5))
def test_it_does_so_where_only_rounding_tells_them_apart(corner: tuple[float, ...], at: float) -> None:
    """All these are as far from a point on the diagonal, but for the order in which it is added up."""
    centres = [*permutations(corner)]
    body = Clusters(tuple(centres), tuple(f"c{number}" for number, _ in enumerate(centres, start=1)))
    one = rolled("groups", definition("groups"), Random(1))
    same(replace(one, scale=Scale((0.0,) * LENGTH, (1.0,) * LENGTH), body=body), [(at,) * LENGTH])


def same(snapshot: Snapshot, vectors: Sequence[tuple[float | None, ...]]) -> None:
    say = predictor(snapshot)
    for vector in vectors:
        assert repr(say(vector)) == repr(predict(snapshot, vector))


@pytest.mark.parametrize("off", [1e-3, 1e-8, 1e-12, 1e-16])
def test_it_does_so_a_little_off_the_middle(off: float) -> None:
    body = Clusters(((-1.0,) * LENGTH, (1.0,) * LENGTH), ("c1", "c2"))
    one = rolled("groups", definition("groups"), Random(1))
    plain = replace(one, scale=Scale((0.0,) * LENGTH, (1.0,) * LENGTH), body=body)
    same(plain, [(off, 0.0, 0.0), (-off, 0.0, 0.0), (0.1, -0.1, off), (0.3, -0.1 - off, -0.2)])


@settings(max_examples=200)
@given(body=forests(), vectors=st.lists(st.tuples(*[_numbers | _steps] * LENGTH), min_size=5, max_size=20))
def test_it_does_so_of_trees_of_any_shape(body: Trees, vectors: list[tuple[float | None, ...]]) -> None:
    same(watching(body), vectors)


@settings(max_examples=200)
@given(body=forests(), points=st.lists(st.tuples(*[_steps | st.floats(-5, 5)] * LENGTH), min_size=5))
def test_no_bit_of_a_mass_is_lost(body: Trees, points: list[tuple[float, ...]]) -> None:
    """A curve would hide it."""
    say = unusual_by_walk(body)
    for point in points:
        assert repr(say(point)) == repr(unusual(body, point))


def watching(body: Trees) -> Snapshot:
    one = rolled("odd", definition("odd"), Random(1))
    return replace(one, scale=Scale((0.0,) * LENGTH, (1.0,) * LENGTH), body=body)
