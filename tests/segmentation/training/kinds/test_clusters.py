"""Clusters: planted groups are found, keep their names, and nothing small can upset them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson
import pytest

from services.segmentation.models.definition import ClusterModel, ModelDefinition
from services.segmentation.models.prediction import nearest, predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import ClusterFacts, Clusters, Snapshot
from services.segmentation.training.kinds.clusters import _in_scale, _latest, kind_of
from services.segmentation.training.learner import Kind, Occasion, Population, Seen
from services.segmentation.training.opening import begin, resume
from services.segmentation.training.port import Training
from tests.segmentation.training.crowds import DEFINITIONS, NAMES, PLACES, group_of, samples


def training_definition(publish_every: int) -> ModelDefinition:
    return DEFINITIONS["cluster"].model_copy(update={"publish_every": publish_every})


def fresh(publish_every: int = 200) -> Training:
    return begin("m", training_definition(publish_every), NAMES)


def told(training: Training, stream: Iterable[Sample]) -> list[Snapshot]:
    found = []
    for each in stream:
        training.learn(replace(each, label=None))
        if training.is_due:
            found.append(training.publish())
    return [snapshot for snapshot in found if snapshot is not None]


def ids_of(snapshot: Snapshot, groups: int = len(PLACES)) -> Sequence[object]:
    """What each group's middle is called."""
    return [predict(snapshot, PLACES[group]) for group in range(groups)]


def later(stream: Iterable[Sample], minutes: int) -> Iterator[Sample]:
    return (replace(each, at_ms=each.at_ms + minutes * 60_000) for each in stream)


@pytest.fixture(scope="module")
def stream() -> Sequence[Sample]:
    """Of the groups and of nobody else."""
    return [*samples(2_000)]


@pytest.fixture(scope="module")
def snapshot(stream: Sequence[Sample]) -> Snapshot:
    """The latest of that stream."""
    return told(fresh(), stream)[-1]


def test_planted_groups_are_found(stream: Sequence[Sample], snapshot: Snapshot) -> None:
    pairs = Counter((group_of(each.user), predict(snapshot, each.features)) for each in stream)
    assert len(set(ids_of(snapshot))) == 4
    assert sum(count for _, count in pairs.most_common(4)) >= 0.99 * len(stream)


def test_names_stay_from_snapshot_to_snapshot() -> None:
    snapshots = told(fresh(), samples(3_000))
    assert len({tuple(ids_of(snapshot)) for snapshot in snapshots}) == 1
    assert len(snapshots) >= 10


def test_what_is_told_of_clusters_is_of_the_users_seen_last(stream: Sequence[Sample], snapshot: Snapshot) -> None:
    assert isinstance(snapshot.body, Clusters)
    users = {each.user for each in stream}
    sizes = Counter(map(group_of, users))
    told_of = {facts.id: facts for facts in snapshot.body.facts}
    for group, cluster in enumerate(ids_of(snapshot)):
        facts = told_of[str(cluster)]
        assert facts.size == pytest.approx(sizes[group], abs=3)
        assert facts.drift < 0.2
        assert facts.silhouette is not None
        assert facts.silhouette > 0.5
        assert facts.name
    assert sum(facts.size for facts in told_of.values()) == len(users)


def test_when_a_group_falls_silent_the_others_keep_their_names() -> None:
    training = fresh(publish_every=1_000)
    before = told(training, samples(2_400))[-1]
    years = 2_400 + 1_000_000
    silent = [each for each in later(samples(8_000, seed=2, users=20_000), years) if group_of(each.user) != 2]
    after = told(training, silent)[-1]
    assert isinstance(after.body, Clusters)
    assert ids_of(before)[2] in after.body.retired
    named = dict(enumerate(ids_of(before)))
    others = silent[-1_000:]
    kept = sum(predict(after, each.features) == named[group_of(each.user)] for each in others)
    assert kept >= 0.99 * len(others)


def test_a_group_that_returns_is_called_as_it_was() -> None:
    """That is another name than it would get now, so that one sees who remembers it: the state, too."""
    training = fresh(publish_every=1_000)
    told(training, samples(1_200))
    silent = [each for each in later(samples(7_000, seed=2, users=20_000), 1_200) if group_of(each.user) != 1]
    gone = told(training, silent)[-1]
    assert isinstance(gone.body, Clusters)
    (name,) = gone.body.retired
    state = training.state()
    state["learner"]["names"] = [[name, "evening users"]]
    resumed = resume("m", training_definition(publish_every=1_000), orjson.loads(orjson.dumps(state)))
    back = told(resumed, later(samples(1_500, seed=3, users=20_000), 9_000))[-1]
    assert isinstance(back.body, Clusters)
    assert {each.id: each.name for each in back.body.facts}[name] == "evening users"


def test_names_are_remembered_of_the_latest_clusters_alone() -> None:
    facts = [ClusterFacts(f"c{number}", "n", 0, 0.0, 0.0, None, (), (), 1) for number in range(400)]
    names: Mapping[str, str] = {}
    for each in facts:
        names = _latest({**names}, [facts[0], each])
    assert [*names][-1] == "c399"
    assert "c0" in names
    assert len(names) == 256


@pytest.mark.parametrize("poison", [(25.0, 25.0, 25.0), (-25.0, 25.0, -25.0), (None, None, None), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("at", [50, 1_000])
def test_a_poisoned_user_changes_nobody_elses_cluster(
    stream: Sequence[Sample], snapshot: Snapshot, poison: tuple[float | None, ...], at: int
) -> None:
    poisoned = [*stream]
    for number in range(20):
        poisoned.insert(at + 40 * number, Sample(10**6, stream[at].at_ms, poison))
    other = told(fresh(), poisoned)[-1]
    pairs = Counter((predict(snapshot, each.features), predict(other, each.features)) for each in stream)
    assert sum(count for _, count in pairs.most_common(4)) >= 0.99 * len(stream)


def test_who_goes_from_one_group_to_another_is_a_move() -> None:
    training = fresh()
    snapshot = told(training, samples(400))[-1]
    first, second = ids_of(snapshot, 2)
    for number in range(10):
        for place in PLACES[:2]:
            training.learn(Sample(10**6 + number, 400 * 60_000, place))
    found = training.publish()
    assert found is not None
    assert isinstance(found.body, Clusters)
    moved = [move for move in found.body.moves if move.before != move.after]
    assert [(move.before, move.after, move.users) for move in moved] == [(first, second, 10)]


def test_names_outlive_a_new_scale() -> None:
    """A young site: the groups are close together at first, and the scale that fits then is of no use later."""
    grown = [
        replace(each, features=tuple(min(1.0, 0.2 + number / 2_500) * (value or 0.0) for value in each.features))
        for number, each in enumerate(samples(3_000))
    ]
    snapshots = told(fresh(), grown)
    scales = list(dict.fromkeys(snapshot.scale for snapshot in snapshots))
    assert len(scales) >= 3
    first = {group_of(each.user): predict(snapshots[0], each.features) for each in grown[:200]}
    assert len(set(first.values())) == 4
    assert [first[group] for group in range(4)] == ids_of(snapshots[-1])


def test_the_snapshot_before_is_compared_in_the_scale_of_now() -> None:
    before = told(fresh(), samples(600))[-1]
    wider = replace(before.scale, deviations=tuple(2 * deviation for deviation in before.scale.deviations))
    found = _in_scale(before, wider)
    assert isinstance(before.body, Clusters)
    assert found is not None
    for was, now in zip(before.body.centres, found.centres, strict=True):
        assert now == pytest.approx([value / 2 for value in was])
    assert _in_scale(before, before.scale) is before.body
    assert _in_scale(None, wider) is None


@pytest.mark.parametrize("estimator", ["DBSTREAM", "DenStream", "STREAMKMeans"])
def test_other_clusterers_of_river_can_be_named(estimator: str) -> None:
    definition = DEFINITIONS["cluster"].model_copy(update={"estimator": estimator, "parameters": {}})
    training = begin("m", definition, NAMES)
    snapshot = told(training, samples(1_000))[-1]
    assert isinstance(snapshot.body, Clusters)
    assert snapshot.body.centres
    assert predict(snapshot, PLACES[0]) in snapshot.body.ids


def population(scale: Scale, stream: Iterable[Sample]) -> Population:
    users = [Seen(each.user, each.at_ms, each.features, scale.scaled(each.features), None) for each in stream]
    return Population(scale, users)


def kind(**change: object) -> Kind:
    definition = DEFINITIONS["cluster"].model_copy(update=change)
    assert isinstance(definition, ClusterModel)
    return kind_of(definition)


ONES, TWOS = Scale((0.0,) * 3, (1.0,) * 3), Scale((1.0,) * 3, (2.0,) * 3)


def test_what_is_learned_changes_what_is_known() -> None:
    learner = kind().begin(population(ONES, samples(300)))
    before = learner.state()
    learner.learn(Sample(1, 1, (1.0, 1.0, 1.0)), (1.0, 1.0, 1.0))
    assert learner.state() != before


@pytest.mark.parametrize("estimator", ["KMeans", "DBSTREAM"])
def test_in_another_scale_it_starts_again_with_the_users_seen_last(estimator: str) -> None:
    made = kind(estimator=estimator, parameters={})
    learner = made.begin(population(ONES, samples(300)))
    learner.restart(population(TWOS, samples(300)))
    assert learner.state()["clusterer"] == made.begin(population(TWOS, samples(300))).state()["clusterer"]


def test_groups_that_come_where_no_centre_is_are_found_at_the_next_snapshot() -> None:
    learner = kind().begin(population(ONES, samples(300, groups=2)))
    everybody = population(ONES, samples(600))
    body = learner.body(Occasion(1, 1, everybody, None, (), {}))
    assert isinstance(body, Clusters)
    places = [ONES.scaled(place) for place in PLACES]
    assert len({nearest(body, place) for place in places}) == 4
