"""How good the models have to be, on a few of the streams that `python -m tests.quality` measures at length."""

from collections import Counter

import pytest

from services.segmentation.models.snapshots import Clusters
from tests.quality import batch, plots
from tests.quality.clusters import ids_kept
from tests.quality.harm import killed, poisoned
from tests.quality.judging import Watched, answers, cluster_model, vectors, watch
from tests.quality.labelled import Alike, Buying
from tests.quality.measures import ari, kept
from tests.quality.planted import Planted, Shape
from tests.quality.scores import foretold, likeness
from tests.quality.shop import usual_features
from tests.quality.visits import model, shop, visited

SIX_GROUPS = Planted(Shape(8, apart=6), plots.steady(6), users=1_500, samples=3_000, seed=2)
SIX = cluster_model(8, n_clusters=6, warm_up=500, publish_every=500)


@pytest.fixture(scope="module")
def clean() -> Watched:
    """The six groups without any poison, which several tests compare with."""
    return watch(SIX, SIX_GROUPS)


def test_planted_groups_are_found_as_well_as_by_batch_k_means(clean: Watched) -> None:
    users = list(clean.newest.values())
    truth = [told.group for told in users]
    assert ari(truth, answers(clean.last, users)) > max(0.95, ari(truth, batch.kmeans(vectors(users), 6)) - 0.02)


@pytest.mark.parametrize(("estimator", "least"), [("DBSTREAM", 0.9), ("DenStream", 0.9)])
def test_groups_that_lie_well_apart_are_found_without_being_told_how_many_there_are(
    estimator: str, least: float
) -> None:
    stream = Planted(Shape(3, apart=9), plots.steady(5), users=1_000, samples=2_000, seed=3)
    watched = watch(cluster_model(3, estimator, warm_up=500, publish_every=500), stream)
    users = list(watched.newest.values())
    assert ari([told.group for told in users], answers(watched.last, users)) > least


def test_when_one_of_eight_groups_fades_the_users_of_the_others_keep_their_ids() -> None:
    stream = Planted(Shape(4, apart=7), plots.fading(8), users=1_600, samples=6_000, seed=4)
    watched = watch(cluster_model(4, n_clusters=8, warm_up=500, publish_every=500), stream)
    assert min(ids_kept(watched, lambda told: told.group > 0)) >= 0.99


def test_a_group_whose_people_go_over_to_another_is_told_as_merged_into_that() -> None:
    stream = Planted(Shape(4, apart=7), plots.merging(5), users=1_000, samples=6_000, seed=3)
    watched = watch(cluster_model(4, n_clusters=5, warm_up=500, publish_every=500), stream)
    early, known = watched.snapshots[3], list(watched.so_far[3].values())
    ids = [Counter(answers(early, [told for told in known if told.group == group])) for group in (0, 1)]
    stays, goes = (found.most_common(1)[0][0] for found in ids)
    assert isinstance(watched.last.body, Clusters)
    told = [(each.what, each.cluster, each.others) for each in watched.last.body.happenings if each.version > 1]
    assert told == [("merged", stays, (goes,))]


def test_a_group_that_was_silent_has_its_id_when_it_is_back() -> None:
    stream = Planted(Shape(4, apart=7), plots.silent(4), users=800, samples=6_000, seed=5)
    watched = watch(cluster_model(4, n_clusters=4, warm_up=500, publish_every=500), stream)
    assert min(ids_kept(watched, lambda told: told.group == 0)) >= 0.99


def test_one_poisoned_sample_changes_nobody_s_id(clean: Watched) -> None:
    stream = list(SIX_GROUPS)
    harmed = watch(SIX, [*stream[:400], *poisoned(stream[400:401], part=1.0), *stream[401:]])
    users = list(clean.newest.values())
    assert kept(answers(clean.last, users), answers(harmed.last, users)) >= 0.995


def test_a_user_who_is_nothing_but_extremes_parts_nobody_else_otherwise(clean: Watched) -> None:
    harmed = watch(SIX, poisoned(SIX_GROUPS, part=0.05))
    users = list(clean.newest.values())
    assert ari(answers(clean.last, users), answers(harmed.last, users)) >= 0.98


def test_a_trainer_that_is_killed_again_and_again_makes_the_same_snapshots() -> None:
    stream = list(SIX_GROUPS)[:2_000]
    assert killed(SIX, stream, at=[3, 499, 500, 1_234, 1_999]) == killed(SIX, stream, at=[])


def test_look_alikes_of_a_known_tenth_of_a_hidden_group_are_its_others() -> None:
    found = likeness(Alike(8, group=0.1, known=0.1, strength=3, users=2_000, samples=5_000, seed=1))
    assert found.lift > 0.9 * found.batch_lift
    assert found.auc > found.batch_auc - 0.02
    assert found.top == pytest.approx(0.05, abs=0.005)


def test_odd_users_take_no_look_alike_away() -> None:
    population = Alike(8, group=0.1, known=0.1, strength=2, users=2_000, samples=5_000, seed=2)
    clean, harmed = likeness(population), likeness(population, odd_users=100)
    assert harmed.auc > clean.auc - 0.01
    assert harmed.lift > 0.95 * clean.lift
    assert harmed.top == pytest.approx(0.05, abs=0.01)


def test_what_is_foretold_comes_true_as_often_as_was_said() -> None:
    judged = foretold(Buying(6, often=0.2, strength=1.5, users=1_000, days=45, samples_per_day=200))
    assert judged.ours.auc > judged.logistic.auc - 0.02
    assert judged.error < 0.07


def test_visitors_of_a_shop_are_told_apart_by_what_they_do() -> None:
    found = visited(shop(4, seed=1, users=240, days=10), model(4, usual_features(), warm_up=300, publish_every=300))
    assert found.ari > max(0.85, found.batch - 0.1)


def test_a_new_group_ends_nobody_s_id_though_there_was_a_centre_to_spare() -> None:
    stream = Planted(Shape(4, apart=6), plots.appearing(5), users=1_500, samples=6_000, seed=6)
    watched = watch(cluster_model(4, n_clusters=5, warm_up=500, publish_every=500), stream)
    assert min(ids_kept(watched, lambda told: told.group > 0)) >= 0.99
    users = [told for told in watched.newest.values() if told.part > 0.75]
    assert ari([told.group for told in users], answers(watched.last, users)) > 0.95


@pytest.mark.parametrize(("part", "users"), [(0.02, 1_000_000), (0.05, 50)])
def test_some_users_who_are_nothing_but_extremes_part_nobody_else_otherwise_and_change_no_id(
    clean: Watched, part: float, users: int
) -> None:
    stream = list(SIX_GROUPS)
    early, late = poisoned(stream[:1_000], part, users), list(poisoned(stream[1_000:], part, users, seed=2))
    always, lately = (watch(SIX, each) for each in ([*early, *late], [*stream[:1_000], *late]))
    others = list(clean.newest.values())
    assert ari(answers(clean.last, others), answers(always.last, others)) >= 0.97
    assert kept(answers(clean.last, others), answers(lately.last, others)) >= 0.98
