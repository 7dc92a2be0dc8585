"""What holds of names in every world: groups that come, go, meet, split and jump, in versions that follow at random."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.models.prediction import nearest
from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scaled
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training.identity.naming import Identity
from tests.segmentation.training.identity.namings import Naming, people, plain


class Version(NamedTuple):
    centres: Sequence[Scaled]
    rows: Sequence[Vector]


SPOTS = st.tuples(st.sampled_from([-3.0, -1.0, 0.0, 0.5, 3.0]), st.sampled_from([-2.0, 0.0, 2.0]))
JITTER = st.sampled_from([0.0, 0.0, 0.1, 0.4])
SHARES = st.sampled_from([0.0, 0.02, 0.1, 0.5])


@st.composite
def versions(draw: st.DrawFn) -> Version:
    """Some groups, and centres that are where groups are or somewhere else."""
    groups = draw(st.lists(st.tuples(SPOTS, st.integers(0, 70)), max_size=5))
    rows = [row for spot, count in groups for row in people(spot, count, draw(st.integers(0, 3)))]
    spots = [*(spot for spot, _ in groups), *draw(st.lists(SPOTS, max_size=3))]
    jitter = draw(JITTER)
    return Version([(x + jitter, y) for x, y in spots if draw(st.integers(0, 9))], rows)


WORLDS = st.lists(versions(), min_size=1, max_size=7)
FEW = settings(max_examples=40)


def named(world: Sequence[Version], minimum_share: float) -> list[Clusters]:
    naming = Naming(minimum_share=minimum_share)
    return [naming.name(version.centres, version.rows) for version in world]


def users_of(clusters: Clusters, rows: Sequence[Vector]) -> dict[str, int]:
    users = dict.fromkeys(clusters.ids, 0)
    for row in rows if clusters.ids else ():
        users[clusters.ids[nearest(clusters, plain(2).scaled(row))]] += 1
    return users


@FEW
@given(WORLDS, SHARES, st.randoms(use_true_random=False))
def test_how_an_estimator_numbers_its_centres_means_nothing(
    world: list[Version], minimum_share: float, chance: random.Random
) -> None:
    one, other = Naming(minimum_share=minimum_share), Naming(minimum_share=minimum_share)
    for version in world:
        shuffled = chance.sample(version.centres, len(version.centres))
        straight, mixed = one.name(version.centres, version.rows), other.name(shuffled, version.rows)
        assert dict(zip(mixed.centres, mixed.ids, strict=True)) == dict(
            zip(straight.centres, straight.ids, strict=True)
        )
        assert other.identity.state() == one.identity.state()


@FEW
@given(WORLDS, SHARES)
def test_an_id_is_never_given_again_but_to_the_cluster_that_had_it(world: list[Version], minimum_share: float) -> None:
    for before, after in pairwise([Clusters((), ()), *named(world, minimum_share)]):
        new = set(after.ids) - {*before.ids, *before.retired}
        assert sorted(int(each[1:]) for each in new) == list(range(before.next_id, after.next_id))
        assert not set(after.ids) & set(after.retired)
        assert {*before.ids, *before.retired} <= {*after.ids, *after.retired}


@FEW
@given(WORLDS, SHARES)
def test_what_is_told_to_have_happened_accounts_for_every_cluster(world: list[Version], minimum_share: float) -> None:
    ids = set[str]()
    for number, clusters in enumerate(named(world, minimum_share), 1):
        for version, _, what, cluster, others in clusters.happenings:
            if version != number:
                continue
            if what == "merged":
                assert cluster in clusters.ids
                assert ids.issuperset(others)
                ids.difference_update(others)
            elif what == "faded":
                ids.remove(cluster)
            else:
                assert cluster not in ids
                assert set(others) <= set(clusters.ids)
                ids.add(cluster)
        assert ids == set(clusters.ids)


@FEW
@given(WORLDS, SHARES)
def test_no_cluster_is_too_small_unless_it_is_the_only_one(world: list[Version], minimum_share: float) -> None:
    before = set[str]()
    for version, clusters in zip(world, named(world, minimum_share), strict=True):
        users, share = users_of(clusters, version.rows), minimum_share * len(version.rows)
        for each in users if len(users) > 1 else ():
            assert users[each] >= (share / 2 if each in before else share)
        before = set(clusters.ids)


@FEW
@given(WORLDS, SHARES)
def test_nobody_loses_a_name_when_nothing_has_changed(world: list[Version], minimum_share: float) -> None:
    naming = Naming(minimum_share=minimum_share)
    for version in world:
        first = naming.name(version.centres, version.rows)
        assert set(naming.name(version.centres, version.rows).ids) >= set(first.ids)


@FEW
@given(WORLDS, WORLDS, SHARES)
def test_a_memory_that_was_stored_goes_on_like_the_one_that_was_not(
    before: list[Version], after: list[Version], minimum_share: float
) -> None:
    kept = Naming(minimum_share=minimum_share)
    for version in before:
        kept.name(version.centres, version.rows)
    restored = Naming(Identity.restore(orjson.loads(orjson.dumps(kept.identity.state()))), minimum_share)
    restored.version = kept.version
    for version in after:
        assert restored.name(version.centres, version.rows) == kept.name(version.centres, version.rows)
    assert restored.identity.state() == kept.identity.state()


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.05]))
def test_groups_that_lie_far_apart_are_told_apart_though_they_come_and_go(seed: int, minimum_share: float) -> None:
    """The judge knows the groups: each has one name for ever, and no two have the same."""
    chance, naming = random.Random(seed), Naming(minimum_share=minimum_share)
    spots, names = [(x * 3.0, y * 3.0) for x in (-1, 0, 1) for y in (-1, 0, 1)], dict[tuple[float, float], str]()
    alive = chance.sample(spots, 5)
    for step in range(10):
        groups = [people(spot, chance.randint(100, 200), step) for spot in alive]
        for spot, cluster in zip(alive, naming.groups(*groups).ids, strict=True):
            assert names.setdefault(spot, cluster) == cluster
        gone = chance.sample(alive, chance.randint(0, len(alive) // 3))
        dead = [spot for spot in spots if spot not in alive]
        alive = [spot for spot in alive if spot not in gone] + chance.sample(dead, min(len(dead), chance.randint(0, 2)))
    assert len(set(names.values())) == len(names)
