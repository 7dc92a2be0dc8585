"""A model whose definition was edited: numbers go on, and no id is ever that of another group."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pytest

from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Told
from services.segmentation.models.snapshots import Clusters, Snapshot, Trained
from services.segmentation.training.opening import begin, resume
from services.segmentation.training.port import Training
from tests.segmentation.training.crowds import DEFINITIONS, PLACES, TERMS, group_of, latest, names_of, samples, told

KINDS = tuple(DEFINITIONS)
CLUSTERS = DEFINITIONS["cluster"]


def edited(definition: ModelDefinition, **change: Any) -> ModelDefinition:
    return definition.model_copy(update=change)


def trained(definition: ModelDefinition, after: Trained | None = None, stream: Iterable[Told] | None = None) -> Trained:
    """The last snapshot of a whole training."""
    training = begin("m", definition, names_of(definition.kind), after)
    return Trained(definition, latest(training, told(definition.kind, 1_000) if stream is None else stream))


def clusters_of(each: Trained) -> Clusters:
    assert isinstance(each.snapshot.body, Clusters)
    return each.snapshot.body


def names(each: Trained) -> Sequence[object]:
    """What the middle of each group is called."""
    return [predict(each.snapshot, place) for place in PLACES]


FIRST = trained(CLUSTERS)


def published(training: Training, stream: Sequence[Told], definition: ModelDefinition, every: int) -> list[Snapshot]:
    """All snapshots of a training that is killed after each so many samples, and goes on from its state as JSON."""
    found = []
    for number, each in enumerate(stream):
        training.learn(each)
        if training.is_due:
            found.append(training.publish())
        if number % every == every - 1:
            training = resume("m", definition, orjson.loads(orjson.dumps(training.state())))
    return [snapshot for snapshot in found if snapshot is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_versions_go_on_after_those_of_the_definition_before_and_samples_are_its_own(kind: str) -> None:
    first = trained(DEFINITIONS[kind])
    second = edited(DEFINITIONS[kind], among="others")
    alone = published(begin("m", second, names_of(kind)), [*told(kind, 1_300)], second, 10**6)
    after = published(begin("m", second, names_of(kind), first), [*told(kind, 1_300)], second, 10**6)
    assert [each.version - first.snapshot.version for each in after] == [each.version for each in alone]
    assert [each.samples for each in after] == [each.samples for each in alone]
    assert {each.definition for each in after} == {second.digest}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{"among": "others"}, {"features": {**TERMS, "views": 'count("click")'}}])
def test_killed_at_any_time_it_goes_on_to_the_same_snapshots(kind: str, change: dict[str, Any]) -> None:
    first, stream = trained(DEFINITIONS[kind]), [*told(kind, 1_000)]
    second = edited(DEFINITIONS[kind], **(change if kind != "rfm" else {"event": "order"}))

    def run(every: int) -> list[Snapshot]:
        return published(begin("m", second, names_of(kind), first), stream, second, every)

    assert run(83) == run(10**6)


@pytest.mark.parametrize(
    "change",
    [
        {"among": "others"},
        {"parameters": {"n_clusters": 4, "halflife": 0.1}},
        {"parameters": {"n_clusters": 6}},
        {"estimator": "DBSTREAM", "parameters": {}},
        {"minimum_share": 0.1},
    ],
    ids=str,
)
def test_where_the_features_are_the_same_groups_keep_their_ids(change: dict[str, Any]) -> None:
    second = trained(edited(CLUSTERS, **change), FIRST)
    assert names(second) == names(FIRST)
    assert {each.since_version for each in clusters_of(second).facts if each.id in names(FIRST)} == {1}


def test_what_was_told_of_its_groups_before_is_told_still() -> None:
    second = trained(edited(CLUSTERS, among="others"), FIRST)
    assert {each.id: each.name for each in clusters_of(second).facts} == {
        each.id: each.name for each in clusters_of(FIRST).facts
    }
    assert clusters_of(second).happenings == clusters_of(FIRST).happenings
    before, after = (sum(move.users for move in clusters_of(each).moves) for each in (FIRST, second))
    assert after > 1.5 * before > 0


def test_killed_before_its_first_snapshot_it_still_knows_which_group_was_which() -> None:
    second = edited(CLUSTERS, among="others")
    training = begin("m", second, names_of("cluster"), FIRST)
    for each in told("cluster", 200, seed=9):
        training.learn(each)
    assert training.is_due
    snapshot = resume("m", second, orjson.loads(orjson.dumps(training.state()))).publish()
    assert snapshot is not None
    assert names(Trained(second, snapshot)) == names(FIRST)


@pytest.mark.parametrize(
    "features",
    [{**TERMS, "views": 'count("click")'}, dict(reversed(TERMS.items())), {**TERMS, "visits": 'count("visit")'}],
    ids=["another term", "another order", "one more"],
)
def test_where_they_are_others_every_group_is_a_new_one_and_those_that_were_are_gone(features: dict[str, str]) -> None:
    second = edited(CLUSTERS, features=features)
    training = begin("m", second, [*features], FIRST)
    for each in samples(300):
        training.learn(type(each)(each.user, each.at_ms, (*each.features, 0.0)[: len(features)]))
    snapshot = training.publish()
    assert snapshot is not None
    assert isinstance(snapshot.body, Clusters)
    old, new = set(clusters_of(FIRST).ids), set(snapshot.body.ids)
    assert new == {f"c{number}" for number in range(5, 9)}
    assert set(snapshot.body.retired) == old
    happened = [(each.what, each.cluster) for each in snapshot.body.happenings if each.version == snapshot.version]
    assert happened == [
        *(("faded", f"c{number}") for number in range(1, 5)),
        *(("appeared", each) for each in sorted(new)),
    ]
    assert {each.since_version for each in snapshot.body.facts} == {snapshot.version}
    assert snapshot.body.moves == ()


def test_no_id_is_given_twice_however_often_a_definition_is_edited() -> None:
    each, given = FIRST, [*clusters_of(FIRST).ids]
    for number in range(3):
        each = trained(edited(CLUSTERS, features={**TERMS, "views": f'count("event_{number}")'}), each)
        given += clusters_of(each).ids
    assert len(set(given)) == len(given) == 16
    assert set(clusters_of(each).retired) == set(given[:12])


def test_a_group_that_the_new_definition_leaves_out_keeps_its_id_for_when_it_returns() -> None:
    definition = edited(CLUSTERS, among="others")
    training = begin("m", definition, names_of("cluster"), FIRST)
    without = [each for each in told("cluster", 2_000) if group_of(each.user) != 2]
    second = Trained(definition, latest(training, without))
    kept, gone = [0, 1, 3], names(FIRST)[2]
    assert [names(second)[group] for group in kept] == [names(FIRST)[group] for group in kept]
    assert gone in clusters_of(second).retired
    third = Trained(definition, latest(training, told("cluster", 1_000, users=5_000)))
    assert names(third) == names(FIRST)
    assert gone not in names(trained(CLUSTERS, second)), "of another training it is not known where it was"
