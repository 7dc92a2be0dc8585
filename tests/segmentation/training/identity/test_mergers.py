"""Clusters that become one, and those that only seem to."""

import pytest

from services.segmentation.models.samples import Vector
from tests.segmentation.training.identity.namings import Naming, middle, people, plain

LEFT, RIGHT, ABOVE, BELOW = (-2.0, 0.0), (2.0, 0.0), (0.0, 2.0), (0.0, -2.0)


def test_clusters_that_merge_have_the_name_of_the_larger() -> None:
    naming = Naming()
    naming.groups(people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200))
    found = naming.groups(people(LEFT, 500), people((1.5, 0), 150) + people((2.5, 0), 200))
    assert found.ids == ("c1", "c2")
    assert found.retired == ("c3",)
    assert naming.news() == [("merged", "c2", ("c3",))]


def test_one_that_has_lost_most_of_its_people_fades_whoever_the_others_are_counted_to() -> None:
    naming, one = Naming(), people((1.5, 0), 250)
    naming.groups(people(LEFT, 500), one, people((2.5, 0), 200))
    naming.groups(people(LEFT, 640), one, people((2.5, 0), 60))
    assert naming.groups(people(LEFT, 640), one + people((2.5, 0), 60)).ids == ("c1", "c2")
    assert naming.news() == [("faded", "c3", ())]


def test_one_whose_people_have_gone_to_another_one_by_one_is_merged_into_that() -> None:
    naming, one = Naming(), people((1.5, 0), 250)
    naming.groups(people(LEFT, 500), one, people((2.5, 0), 200))
    rest = one + people((2.5, 0), 60)
    rows = people(LEFT, 640) + rest
    naming.latest = naming.identity.name(
        [LEFT, middle(rest)], 2.0, plain(2), rows, 0.02, 2, 0, {"c3": "c1", "c1": "c3"}
    )
    naming.version = 2
    assert naming.news() == [("merged", "c1", ("c3",))]


def test_clusters_that_merged_and_part_again_have_their_names_back() -> None:
    naming, left, one, other = Naming(), people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200)
    naming.groups(left, one, other)
    naming.groups(left, one + other)
    assert naming.groups(left, one, other).ids == ("c1", "c3", "c2")
    assert naming.news() == [("returned", "c3", ())]


def test_they_have_them_back_though_the_smaller_has_become_the_larger() -> None:
    naming, left, one, other = Naming(), people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200)
    naming.groups(left, one, other)
    naming.groups(left, one + other)
    assert naming.groups(left, people((1.5, 0), 260), other).ids == ("c1", "c3", "c2")


def test_groups_that_go_through_each_other_are_one_for_a_while_and_get_no_new_name() -> None:
    naming, news = Naming(), []
    for step in range(41):
        at = -2 + step * 0.1
        rows = people((at, 0), 300, step) + people((-at, 0), 400, step + 99)
        naming.groups([row for row in rows if (row[0] or 0) < 0], [row for row in rows if (row[0] or 0) >= 0])
        news += [what for what, _, _ in naming.news()]
    assert sorted(naming.latest.ids) == ["c1", "c2"]
    assert news == ["appeared", "appeared", "merged", "returned"]


def test_one_that_was_merged_does_not_hand_its_name_to_one_that_appears_beside_it() -> None:
    naming, left, one, other = Naming(), people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200)
    naming.groups(left, one, other)
    assert naming.groups(left, one + other, people((1.5, 0.9), 100)).ids == ("c1", "c2", "c4")


@pytest.mark.parametrize(("others", "clusters"), [(300, 3), (1_800, 2)])
def test_two_that_run_into_each_other_stay_two_if_together_they_would_be_most_of_everybody(
    others: int, clusters: int
) -> None:
    naming = Naming()
    for apart in (2.0, 1.0, 0.7, 0.5, 0.35):
        two = people((0.0, 0.0), 1_500, 1), people((apart, 0.0), 1_500, 2)
        found = naming.groups(*two, people((0.0, 6.0), others, 3))
    assert len(set(found.ids)) == clusters


def test_groups_between_which_many_come_and_go_stay_two_as_long_as_they_are_as_far_apart_as_others() -> None:
    naming, third = Naming(), people((-1.0, 2.0), 2_000)
    one, other = people((-2.0, 0.0), 100), people((0.0, 0.0), 100)
    before = naming.groups(one, other, third)
    between: list[Vector] = [(number / 1_500 - 2.0, 0.0) for number in range(3_000)]
    left, right = between[:1_500], between[1_500:]
    assert naming.groups([*one, *left], [*other, *right], third).ids == before.ids
    assert naming.groups(one, other, third).ids == before.ids
