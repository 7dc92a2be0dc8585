"""One suite for all: what a model may name keeps to all of it."""

import math
import re
from random import Random

import orjson
import pytest

from services.segmentation.models.snapshots import Trees
from tests.segmentation.training.conformance.estimators import (
    DIMENSIONS,
    EVERY,
    Estimator,
    noise,
    users,
)

pytestmark = pytest.mark.parametrize("estimator", EVERY, ids=str)

WARM_UP = users(300)
LATER = users(500, seed=2)


def _numbers(said: object) -> list[float]:
    if isinstance(said, tuple | list):
        return [number for part in said for number in _numbers(part)]
    if isinstance(said, Trees):
        return _numbers([said.thresholds, said.masses])
    assert isinstance(said, float | int)
    return [said]


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_and_changes_nothing(estimator: Estimator, poison: float) -> None:
    model = estimator.taught(WARM_UP)
    before = orjson.dumps(model.state())
    with pytest.raises(ValueError, match="finite"):
        estimator.learn(model, (0.0,) * (DIMENSIONS - 1) + (poison,))
    assert orjson.dumps(model.state()) == before


@pytest.mark.parametrize("length", [0, DIMENSIONS - 1, DIMENSIONS + 1])
def test_a_missing_or_an_unseen_feature_is_refused_and_changes_nothing(estimator: Estimator, length: int) -> None:
    model = estimator.taught(WARM_UP)
    before = orjson.dumps(model.state())
    with pytest.raises(ValueError, match="finite numbers"):
        estimator.learn(model, (1.0,) * length)
    assert orjson.dumps(model.state()) == before


def test_users_who_are_all_alike_are_learned(estimator: Estimator) -> None:
    alike = [(0.5,) * DIMENSIONS] * 200
    model = estimator.goes_on(estimator.taught(alike), alike)
    assert all(map(math.isfinite, _numbers(estimator.ask(model))))


def test_a_feature_that_is_the_same_for_everybody_harms_nothing(estimator: Estimator) -> None:
    def without(count: int, seed: int) -> list[tuple[float, ...]]:
        return [(*user[:-1], 0.0) for user in users(count, seed)]

    model = estimator.goes_on(estimator.taught(without(300, 1)), without(500, 2))
    assert all(map(math.isfinite, _numbers(estimator.ask(model))))


def test_one_user_is_enough_to_begin_and_to_ask(estimator: Estimator) -> None:
    model = estimator.taught(WARM_UP[:1])
    assert all(map(math.isfinite, _numbers(estimator.ask(model))))
    assert estimator.ask(estimator.goes_on(model, LATER))


def test_the_same_samples_in_the_same_order_make_the_same_model(estimator: Estimator) -> None:
    one, other = (estimator.goes_on(estimator.taught(WARM_UP), LATER) for _ in range(2))
    assert orjson.dumps(one.state()) == orjson.dumps(other.state())
    assert estimator.ask(one) == estimator.ask(other)


@pytest.mark.parametrize("learned", [0, 1, 49, 150, 499])
def test_restored_from_json_it_goes_on_as_if_it_had_never_stopped(estimator: Estimator, learned: int) -> None:
    straight = estimator.goes_on(estimator.taught(WARM_UP), LATER)
    stopped = estimator.goes_on(estimator.taught(WARM_UP), LATER[:learned])
    resumed = estimator.restored(orjson.loads(orjson.dumps(stopped.state())))
    assert estimator.ask(resumed) == estimator.ask(stopped)
    estimator.goes_on(resumed, LATER[learned:])
    assert estimator.ask(resumed) == estimator.ask(straight)
    assert orjson.dumps(resumed.state()) == orjson.dumps(straight.state())


def test_it_is_restored_from_within_its_first_samples_too(estimator: Estimator) -> None:
    straight = estimator.goes_on(estimator.taught(WARM_UP[:3]), LATER)
    stopped = estimator.goes_on(estimator.taught(WARM_UP[:3]), LATER[:2])
    resumed = estimator.goes_on(estimator.restored(orjson.loads(orjson.dumps(stopped.state()))), LATER[2:])
    assert orjson.dumps(resumed.state()) == orjson.dumps(straight.state())


def test_a_state_that_was_given_stays_as_it_was(estimator: Estimator) -> None:
    model = estimator.taught(WARM_UP)
    given = model.state()
    before = orjson.dumps(given)
    estimator.goes_on(model, LATER)
    estimator.goes_on(estimator.restored(given), LATER)
    assert orjson.dumps(given) == before


def test_asking_changes_nothing_and_learning_does_not_depend_on_it(estimator: Estimator) -> None:
    asked, unasked = estimator.taught(WARM_UP), estimator.taught(WARM_UP)
    for user in LATER[:30]:
        before = orjson.dumps(asked.state())
        assert estimator.ask(asked) == estimator.ask(asked)
        assert orjson.dumps(asked.state()) == before
        estimator.learn(asked, user)
        estimator.learn(unasked, user)
    assert orjson.dumps(asked.state()) == orjson.dumps(unasked.state())


def test_what_it_keeps_does_not_grow_with_what_it_learns(estimator: Estimator) -> None:
    model, sizes = estimator.taught(WARM_UP), []
    for seed in range(6):
        estimator.goes_on(model, noise(500, seed))
        sizes.append(len(orjson.dumps(model.state())))
    assert max(sizes[3:]) < 1.5 * max(sizes[:3])


def test_what_it_was_given_is_its_own(estimator: Estimator) -> None:
    """River keeps the dictionary that it is given; whoever gave it may go on to use it."""
    warm_up = [list(user) for user in WARM_UP]
    model = estimator.taught(warm_up)  # type: ignore[arg-type]
    before = orjson.dumps(model.state())
    for user in warm_up:
        user[:] = [9.0] * DIMENSIONS
    assert orjson.dumps(model.state()) == before


def test_what_is_no_state_is_refused(estimator: Estimator) -> None:
    state = orjson.loads(orjson.dumps(estimator.taught(WARM_UP).state()))
    for name in state:
        for wrong in (None, "text", [["text"]], {"a": 1}):
            with pytest.raises(ValueError, match=r".+"):
                estimator.restored({**state, name: wrong})
        with pytest.raises(ValueError, match=r".+"):
            estimator.restored({key: value for key, value in state.items() if key != name})


def test_a_state_with_a_number_missing_is_refused(estimator: Estimator) -> None:
    text = orjson.dumps(estimator.taught(WARM_UP).state()).decode()
    numbers = list(re.finditer(r"-?\d+(\.\d+)?(e-?\d+)?", text))
    for number in Random(1).sample(numbers, min(40, len(numbers))):
        with pytest.raises(ValueError, match="not the state"):
            estimator.restored(orjson.loads(text[: number.start()] + "null" + text[number.end() :]))
