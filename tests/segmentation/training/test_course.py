"""What holds for every kind of training: versions, resuming, and what poison cannot do."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from math import inf, nan
from typing import Any, NamedTuple

import orjson
import pytest

from services.segmentation.models.definition import ClusterModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Outcome, Sample, Told
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.opening import begin, resume
from services.segmentation.training.port import FEWEST, Training
from services.segmentation.training.scales import is_far
from tests.segmentation.training.crowds import DEFINITIONS, names_of, samples, told

KINDS = tuple(DEFINITIONS)


def fresh(kind: str) -> Training:
    return begin("m", DEFINITIONS[kind], names_of(kind))


def published(training: Training, stream: Iterable[Told]) -> list[Snapshot]:
    found = []
    for each in stream:
        training.learn(each)
        if training.is_due:
            found.append(training.publish())
    return [snapshot for snapshot in found if snapshot is not None]


class Learned(NamedTuple):
    """What was told, and what came of it."""

    stream: list[Told]
    snapshots: list[Snapshot]
    state: dict[str, Any]


def learn(kind: str) -> Learned:
    training, stream = fresh(kind), [*told(kind, 1_300)]
    return Learned(stream, published(training, stream), training.state())


@pytest.fixture(scope="module")
def learned() -> Callable[[str], Learned]:
    """By kind, a training that is over, for all who only look at it."""
    return cache(learn)


def stopped(kind: str, training: Training) -> Training:
    """The same in another process."""
    return resume("m", DEFINITIONS[kind], orjson.loads(orjson.dumps(training.state())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("every", [97, 413])
def test_a_training_that_was_stopped_goes_on_to_the_same_snapshots(
    learned: Callable[[str], Learned], kind: str, every: int
) -> None:
    stream, whole, _ = learned(kind)
    training, parts = fresh(kind), []
    for at in range(0, len(stream), every):
        parts += published(training, stream[at : at + every])
        training = stopped(kind, training)
    assert parts == whole
    assert len(whole) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_its_state_is_what_json_holds(kind: str) -> None:
    training = fresh(kind)
    for stream in ([], [*told(kind, 150)], [*told(kind, 1_300)]):
        published(training, stream)
        state = training.state()
        assert orjson.loads(orjson.dumps(state)) == stopped(kind, training).state() == state


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_snapshot_is_due_after_the_warm_up_and_each_after_as_many_samples_as_is_said(
    learned: Callable[[str], Learned], kind: str
) -> None:
    snapshots = learned(kind).snapshots
    definition = DEFINITIONS[kind]
    assert [snapshot.version for snapshot in snapshots] == [*range(1, len(snapshots) + 1)]
    assert [snapshot.samples for snapshot in snapshots][:3] == [
        definition.warm_up + number * definition.publish_every for number in range(3)
    ]
    assert {snapshot.definition for snapshot in snapshots} == {definition.digest}
    assert {snapshot.features for snapshot in snapshots} == {tuple(names_of(kind))}
    assert [snapshot.at_ms for snapshot in snapshots] == sorted(snapshot.at_ms for snapshot in snapshots)


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_says_something_of_everybody(learned: Callable[[str], Learned], kind: str) -> None:
    stream, (*_, snapshot), _ = learned(kind)
    seen = [each for each in stream if isinstance(each, Sample) and None not in each.features]
    assert all(predict(snapshot, each.features) is not None for each in seen)


@pytest.mark.parametrize("kind", KINDS)
def test_before_the_warm_up_is_over_a_snapshot_is_made_where_it_is_asked_for_early(kind: str) -> None:
    training, stream = fresh(kind), told(kind, 1_300)
    snapshot = None
    while snapshot is None:
        assert training.publish() is None
        training.learn(next(stream))
        snapshot = training.publish(early=True)
    assert snapshot.version == 1
    assert snapshot.samples == FEWEST
    assert [later.version for later in published(training, stream)][:2] == [2, 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change",
    [
        {"features": (1.0, 2.0)},
        {"features": (1.0, nan, 2.0)},
        {"features": (1.0, 2.0, inf)},
        {"features": (1.0, 2.0, 1e300)},
        {"at_ms": -1},
        {"at_ms": 2**62},
    ],
)
def test_what_is_no_sample_is_refused_and_changes_nothing(kind: str, change: dict[str, object]) -> None:
    training = fresh(kind)
    published(training, told(kind, 500))
    before = orjson.dumps(training.state())
    bad = replace(Sample(1, 10**9, (1.0, 1.0, 1.0), label=True), **change)  # type: ignore[arg-type]  # any field
    with pytest.raises(ValueError, match=r"feature|moment"):
        training.learn(bad)
    assert orjson.dumps(training.state()) == before


def test_an_outcome_is_nothing_to_who_foretells_nothing() -> None:
    training = fresh("cluster")
    training.learn(Outcome(1, 5))
    assert training.samples == 0


def test_a_sample_without_a_label_is_refused_where_labels_are_learned() -> None:
    training = fresh("lookalike")
    before = training.state()
    with pytest.raises(ValueError, match="seed"):
        training.learn(Sample(1, 5, (1.0, 1.0, 1.0)))
    assert training.state() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_refused_that_is_damaged_or_of_another_definition(
    learned: Callable[[str], Learned], kind: str
) -> None:
    state = learned(kind).state
    other = DEFINITIONS[kind].model_copy(update={"among": "others"})
    with pytest.raises(ValueError, match="another definition"):
        resume("m", other, state)
    for broken in ({}, {**state, "course": 1, "panel": 5}):
        with pytest.raises(ValueError, match="not the state"):
            resume("m", DEFINITIONS[kind], broken)


def test_an_estimator_or_a_parameter_that_there_is_not_is_told_before_any_sample() -> None:
    good = DEFINITIONS["cluster"]
    assert isinstance(good, ClusterModel)
    for change in ({"estimator": "GMeans"}, {"parameters": {"clusters": 3}}):
        with pytest.raises(ValueError, match=r"there is|it has"):
            begin("m", good.model_copy(update=change), names_of("cluster"))


def test_a_scale_is_far_where_users_left_it_and_not_by_chance() -> None:
    used = Scale((1.0, 2.0), (0.5, 1.0))
    assert not is_far(used, Scale((1.4, 1.4), (0.6, 0.7)))
    assert is_far(used, Scale((1.6, 2.0), (0.5, 1.0)))
    assert is_far(used, Scale((1.0, 2.0), (0.5, 1.6)))
    assert is_far(used, Scale((1.0, 2.0), (0.3, 1.0)))
    assert not is_far(Scale((0.0,), (0.05,)), Scale((0.05,), (0.12,)))
    assert is_far(Scale((0.0,), (0.05,)), Scale((0.05,), (0.16,)))


@pytest.mark.parametrize("kind", ["cluster", "lookalike", "anomaly"])
def test_a_site_that_was_young_in_the_warm_up_gets_a_scale_that_fits(kind: str) -> None:
    young = [replace(each, features=(0.7, 0.0, 0.0)) for each in samples(300)]
    grown = [replace(each, at_ms=each.at_ms + 300 * 60_000) for each in samples(1_500)]
    if kind != "lookalike":
        young, grown = ([replace(each, label=None) for each in stream] for stream in (young, grown))
    snapshots = published(fresh(kind), [*young, *grown])
    assert max(snapshots[0].scale.deviations) < 0.06
    fitting = Scale.of([each.features for each in grown[-500:]])
    assert not is_far(snapshots[-1].scale, fitting)


def test_in_a_new_scale_it_is_what_it_had_become_of_the_panel() -> None:
    training = fresh("anomaly")
    published(training, [replace(each, features=(0.7, 0.0, 0.0), label=None) for each in samples(300)])
    for each in samples(349):
        training.learn(replace(each, label=None))
    found, again = training.publish(), fresh("anomaly")
    for user, at_ms, features, _ in training.state()["panel"]:
        again.learn(Sample(user, at_ms, tuple(features)))
    expected = again.publish(early=True)
    assert found is not None
    assert expected is not None
    assert found.version == 2
    assert (found.scale, found.body) == (expected.scale, expected.body)


def test_a_late_sample_does_not_turn_the_clock_back() -> None:
    training = fresh("cluster")
    for each in samples(20):
        training.learn(replace(each, at_ms=10**9 - each.at_ms, label=None))
    snapshot = training.publish(early=True)
    assert snapshot is not None
    assert snapshot.at_ms == 10**9


@pytest.mark.parametrize("kind", KINDS)
def test_the_latest_snapshot_is_kept_where_users_move_between_its_classes(
    learned: Callable[[str], Learned], kind: str
) -> None:
    state = learned(kind).state
    course = state.get("course", state)
    assert (course["journal"]["latest"] is not None) is (kind in {"cluster", "rfm"})


@pytest.mark.parametrize("kind", KINDS)
def test_as_long_as_users_are_as_they_were_the_scale_stays(learned: Callable[[str], Learned], kind: str) -> None:
    assert len({snapshot.scale for snapshot in learned(kind).snapshots}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_remembered_is_bounded_however_many_users_there_are(kind: str) -> None:
    """But for who was in which class, whose bound is that of `moves`. A sample comes every two minutes, so that two
    parts of three are more than the 28 days that a propensity looks back."""
    training, sizes, count = fresh(kind), [], 13_000 if kind == "propensity" else 7_000
    for part in range(3):
        for each in told(kind, count, seed=part, users=100_000):
            training.learn(replace(each, at_ms=2 * (each.at_ms + part * count * 60_000)))
        training.publish()
        sizes.append(len(orjson.dumps(training.state() | {"journal": None})))
    assert sizes[2] < 1.05 * sizes[1]
