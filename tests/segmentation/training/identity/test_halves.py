"""A group that a centre to spare has cut into halves is one cluster from the beginning."""

import pytest

from services.segmentation.models.scaling import Scaled
from tests.segmentation.training.identity.namings import Naming, people

LEFT, RIGHT, ABOVE, BELOW = (-2.0, 0.0), (2.0, 0.0), (0.0, 2.0), (0.0, -2.0)


def halves(of: Scaled, way: float = 0.16) -> list[Scaled]:
    """As k-means sets two centres in a group whose deviation is 0.2."""
    return [(of[0] - way, of[1]), (of[0] + way, of[1])]


def test_both_halves_have_one_name_and_a_new_group_ends_none() -> None:
    naming = Naming()
    left, right, below = people(LEFT, 300), people(RIGHT, 300), people(BELOW, 300)
    assert naming.name([LEFT, *halves(RIGHT), BELOW], [*left, *right, *below]).ids == ("c1", "c2", "c2", "c3")
    new = people(ABOVE, 300)
    assert naming.name([LEFT, RIGHT, ABOVE, BELOW], [*left, *right, *below, *new]).ids == ("c1", "c2", "c4", "c3")
    assert naming.news() == [("appeared", "c4", ())]


def test_two_groups_of_which_each_was_cut_are_made_whole_each() -> None:
    rows = [row for at in (LEFT, RIGHT, BELOW) for row in people(at, 300)]
    assert Naming().name([*halves(LEFT), *halves(RIGHT), BELOW], rows).ids == ("c1", "c1", "c2", "c2", "c3")


def test_halves_that_few_users_told_nothing_of_become_one_when_more_are_there() -> None:
    naming, centres = Naming(), [LEFT, (1.9, 0.0), (2.25, 0.0), BELOW]
    few, many = ([row for at in (LEFT, RIGHT, BELOW) for row in people(at, count)] for count in (40, 400))
    first = naming.name(centres, few)
    assert len(set(first.ids)) == 4
    found = naming.name(centres, many)
    assert len(set(found.ids)) == 3
    assert found.ids[1] == found.ids[2] == first.ids[1], "the one with more people"
    assert [what for what, _, _ in naming.news()] == ["merged"]


def test_of_a_small_group_behind_another_nothing_need_be_known() -> None:
    rows = [*(row for at in (LEFT, RIGHT, BELOW) for row in people(at, 300)), *people((-4.0, 0.0), 15)]
    assert len(set(Naming(minimum_share=0.01).name([(-4.0, 0.0), LEFT, *halves(RIGHT), BELOW], rows).ids)) == 4


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_people_who_are_all_alike_have_as_many_names_as_are_asked_for(parts: int) -> None:
    rows = [(number / 200 - 3.0, 0.0) for number in range(1_200)]
    centres = [(6.0 * (part + 0.5) / parts - 3.0, 0.0) for part in range(parts)]
    assert len(set(Naming().name(centres, rows).ids)) == parts


def test_a_crowd_stays_in_parts_beside_a_few_who_are_far_away() -> None:
    rows = [*people(LEFT, 900), *people(RIGHT, 90)]
    assert len(set(Naming().name([*halves(LEFT), RIGHT], rows).ids)) == 3


def test_two_groups_stay_two_however_far_away_the_third_is() -> None:
    near, far = (-1.0, 0.0), (4.0, 0.0)
    rows = [*people(LEFT, 300), *people(near, 300), *people(far, 600)]
    assert len(set(Naming().name([LEFT, near, far], rows).ids)) == 3
