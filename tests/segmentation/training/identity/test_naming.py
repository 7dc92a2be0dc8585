"""Clusters keep their names: what becomes of them when groups come and go."""

import pytest

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.training.identity import memory as room
from services.segmentation.training.identity.naming import Identity
from tests.segmentation.training.identity.namings import Naming, id_of, middle, people, plain

LEFT, RIGHT, ABOVE, BELOW = (-2.0, 0.0), (2.0, 0.0), (0.0, 2.0), (0.0, -2.0)


def test_the_first_names_are_given_in_the_order_of_the_first_users() -> None:
    naming = Naming()
    assert naming.groups(people(LEFT, 100), people(RIGHT, 300), people(ABOVE, 200)).ids == ("c3", "c1", "c2")
    assert naming.news() == [("appeared", "c1", ()), ("appeared", "c2", ()), ("appeared", "c3", ())]
    assert naming.latest.next_id == 4


def test_names_follow_groups_that_an_estimator_numbers_anew() -> None:
    naming, left, right, above = Naming(), people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300)
    assert naming.groups(left, right, above).ids == ("c3", "c2", "c1")
    assert naming.groups(above, left, right).ids == ("c1", "c3", "c2")
    assert naming.groups(right, above, left).ids == ("c2", "c1", "c3")
    assert naming.news() == []


def test_names_follow_groups_that_drift_past_where_others_were() -> None:
    naming = Naming()
    for step in range(41):
        around = step * 0.1
        found = naming.groups(people((around - 2, 0), 100, step), people((around + 2, 0), 200, step))
        assert found.ids == ("c2", "c1")
    assert id_of(found, LEFT) == "c2"
    assert id_of(found, (2.0, 0.0)) == "c2"


def test_a_name_follows_a_group_that_jumps_farther_than_its_people_reach() -> None:
    naming = Naming()
    naming.groups(people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300))
    assert naming.groups(people((-2.0, -0.8), 100), people(RIGHT, 200), people(ABOVE, 300)).ids == ("c3", "c2", "c1")


def test_where_the_whole_world_jumps_as_many_as_possible_keep_their_name() -> None:
    naming = Naming()
    naming.groups(people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300))
    jumped = [people((x, y - 1.5), count) for (x, y), count in ((LEFT, 100), (RIGHT, 200), (ABOVE, 300))]
    assert naming.groups(*jumped).ids == ("c3", "c2", "c1")


def test_of_a_cluster_that_splits_the_larger_part_keeps_the_name() -> None:
    naming = Naming()
    naming.groups(people(LEFT, 500), people((1.5, 0), 150) + people((2.5, 0), 200))
    found = naming.groups(people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200))
    assert found.ids == ("c1", "c3", "c2")
    assert naming.news() == [("split", "c3", ("c2",))]


def test_a_centre_to_spare_that_cuts_a_group_into_halves_takes_nobodys_name() -> None:
    naming, left, right = Naming(), people(LEFT, 300), people(RIGHT, 300)
    naming.groups(left, right)
    for halves in (0, 1), (1, 0):
        lower, upper = ([row for row in right if (row[halves[0]] or 0) < RIGHT[halves[0]]] for _ in "ab")
        upper = [row for row in right if row not in lower]
        assert naming.groups(left, lower, upper).ids == ("c1", "c2", "c2")
    assert naming.news() == []
    assert naming.groups(left, right).ids == ("c1", "c2")


def test_a_part_that_is_too_small_for_a_cluster_stays_with_it() -> None:
    naming = Naming(minimum_share=0.1)
    naming.groups(people(LEFT, 500), people((1.5, 0), 70) + people((2.5, 0), 430))
    assert naming.groups(people(LEFT, 500), people((1.5, 0), 70), people((2.5, 0), 430)).ids == ("c1", "c2", "c2")


def test_when_a_group_fades_the_others_keep_their_names() -> None:
    naming, left, right, above = Naming(), people(LEFT, 300), people(RIGHT, 200), people(ABOVE, 400)
    naming.groups(left, right, above)
    for count in (150, 50, 5):
        one, fading, other = naming.groups(left, right[:count], above).ids
        assert (one, other, fading == "c3") == ("c2", "c1", count > 5)
    assert naming.news() == [("faded", "c3", ())]
    assert naming.groups(left, above).ids == ("c2", "c1")
    assert naming.latest.retired == ("c3",)


def test_a_group_that_returns_has_its_name_back_and_takes_none_from_its_neighbour() -> None:
    naming, left, right, above = Naming(), people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300)
    naming.groups(left, right, above)
    naming.groups(left, above)
    assert naming.groups(left, above).ids == ("c3", "c1")
    assert naming.groups(left, people((2.1, 0.1), 600, 7), above).ids == ("c3", "c2", "c1")
    assert naming.news() == [("returned", "c2", ())]
    assert naming.latest.retired == ()


def test_a_new_group_takes_no_name_though_it_is_the_larger_by_far() -> None:
    naming, left, right = Naming(), people(LEFT, 200), people(RIGHT, 100)
    naming.groups(left, right)
    assert naming.groups(left, right, people((2.0, 1.5), 290)).ids == ("c1", "c2", "c3")
    assert naming.news() == [("appeared", "c3", ())]


def test_a_new_group_elsewhere_does_not_have_the_name_of_one_that_is_gone() -> None:
    naming, left, right, above = Naming(), people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300)
    naming.groups(left, right, above)
    naming.groups(left, above)
    assert naming.groups(left, people((2.7, 0.1), 200), above).ids == ("c3", "c4", "c1")


def test_one_that_fades_does_not_hand_its_name_to_one_that_appears_with_its_centre() -> None:
    naming, left, right, above = Naming(), people(LEFT, 300), people(RIGHT, 200), people(ABOVE, 400)
    naming.groups(left, right, above)
    rows = left + right[:40] + above + people((4.0, -1.0), 300)
    found = naming.name([middle(left), (4.0, -1.0), middle(above + right[:40])], rows)
    assert found.ids == ("c2", "c4", "c1")


def test_a_silent_group_whose_centre_stays_is_counted_to_its_neighbour_and_returns() -> None:
    naming, left, right, above = Naming(), people(LEFT, 300), people(RIGHT, 200), people((1.0, 2.0), 400)
    centres = [middle(left), middle(right), middle(above)]
    naming.name(centres, above + left + right)
    for _ in range(3):
        assert naming.name(centres, left + above).ids == ("c2", "c1", "c1")
    assert naming.name(centres, left + right * 3 + above).ids == ("c2", "c3", "c1")
    assert [each[2:4] for each in naming.latest.happenings[3:]] == [("faded", "c3"), ("returned", "c3")]


def test_a_small_cluster_gets_no_name_and_one_that_has_become_small_keeps_its_own() -> None:
    naming, left, right, near = (
        Naming(minimum_share=0.1),
        people(LEFT, 500),
        people(RIGHT, 500),
        people((2.0, 1.5), 200),
    )
    for count, ids in (
        (100, ("c1", "c2", "c2")),
        (130, ("c1", "c2", "c3")),
        (60, ("c1", "c2", "c3")),
        (40, ("c1", "c2", "c2")),
        (60, ("c1", "c2", "c2")),
        (130, ("c1", "c2", "c3")),
    ):
        assert naming.groups(left, right, near[:count]).ids == ids


def test_without_a_single_user_names_stay_where_they_were() -> None:
    naming = Naming()
    naming.groups(people(LEFT, 100), people(RIGHT, 200))
    assert naming.name([(2.1, 0.1), (-2.1, 0.0)], []).ids == ("c1", "c2")
    assert naming.name([(-2.0, 0.0), (2.0, 0.2)], []).ids == ("c2", "c1")
    assert naming.groups(people(LEFT, 100), people(RIGHT, 200)).ids == ("c2", "c1")


def test_names_can_be_given_before_anybody_is_known() -> None:
    naming = Naming()
    assert sorted(naming.name([RIGHT, LEFT], []).ids) == ["c1", "c2"]


def test_without_a_single_centre_names_wait_for_their_groups() -> None:
    naming, left, right = Naming(), people(LEFT, 100), people(RIGHT, 200)
    naming.groups(left, right)
    assert naming.name([], left + right).ids == ()
    assert naming.news() == [("faded", "c1", ()), ("faded", "c2", ())]
    assert naming.groups(left, right).ids == ("c2", "c1")


def test_a_single_cluster_has_one_name() -> None:
    naming = Naming()
    for step in range(5):
        assert naming.groups(people((step * 0.3, 0), 60, step)).ids == ("c1",)


def test_equal_centres_have_the_same_name() -> None:
    naming, left, right = Naming(), people(LEFT, 100), people(RIGHT, 200)
    for _ in range(2):
        assert naming.name([RIGHT, LEFT, RIGHT], right + left).ids == ("c1", "c2", "c1")


def test_centres_next_to_each_other_take_nothing_from_their_group() -> None:
    naming, left, right = Naming(), people(LEFT, 100), people(RIGHT, 200)
    naming.groups(left, right)
    assert naming.name([RIGHT, (2.0, 1e-200), (2.0 + 1e-12, 0.0), LEFT], left + right).ids == ("c1", "c1", "c1", "c2")


def test_groups_that_pass_each_other_keep_their_names() -> None:
    naming = Naming()
    for step in range(41):
        at = -2 + step * 0.1
        found = naming.groups(people((at, 0.6), 100, step), people((-at, -0.6), 200, step + 99))
        assert found.ids == ("c2", "c1")


def test_names_stay_when_the_scale_is_another() -> None:
    naming, left, right, above = Naming(), people(LEFT, 100), people(RIGHT, 200), people(ABOVE, 300)
    rows = left + right + above
    first = naming.groups(left, right, above)
    wide = Scale((1.0, -1.0), (0.8, 2.0))
    second = naming.name([wide.scaled(middle(group)) for group in (above, right, left)], rows, wide)
    assert first.ids == ("c3", "c2", "c1")
    assert second.ids == ("c1", "c2", "c3")
    naming.name([wide.scaled(middle(group)) for group in (right, above)], right + above, wide)
    assert naming.groups(above, left, right).ids == ("c1", "c3", "c2")


def test_what_is_missing_is_like_the_mean() -> None:
    naming, scale = Naming(), Scale((5.0, 0.0), (1.0, 1.0))
    rows = [*people((5.0, 2.0), 100), *((None, row[1]) for row in people((5.0, 2.0), 60)), *people((5.0, -2.0), 100)]
    assert naming.name([(0.0, 2.0), (0.0, -2.0)], rows, scale).ids == ("c1", "c2")
    assert naming.name([(0.0, -2.0), (0.0, 2.0)], rows, scale).ids == ("c2", "c1")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_GONE", 3)
    monkeypatch.setattr(room, "MOST_HAPPENINGS", 5)
    naming, left = Naming(), people(LEFT, 100)
    for step in range(8):
        naming.groups(left, people((4.5, step - 4.0), 50))
        naming.groups(left)
    assert naming.latest.retired == ("c7", "c8", "c9")
    assert len(naming.latest.happenings) == 5
    assert naming.identity.state()["valleys"] == []
    assert [each.version for each in naming.latest.happenings] == sorted(
        each.version for each in naming.latest.happenings
    )


def test_an_estimator_that_fails_changes_nothing() -> None:
    naming, left, right = Naming(), people(LEFT, 100), people(RIGHT, 200)
    naming.groups(left, right)
    before = naming.identity.state()
    with pytest.raises(ValueError, match="finite"):
        naming.name([LEFT, (float("nan"), 0.0)], left + right)
    assert naming.identity.state() == before


def test_a_memory_that_was_never_used_can_be_stored() -> None:
    restored = Identity.restore(Identity().state())
    assert restored.name([LEFT], 2.0, plain(2), people(LEFT, 20), 0.02, 1, 0).ids == ("c1",)


def test_a_name_goes_with_the_people_when_its_centre_is_left_alone() -> None:
    naming, centres = Naming(), [RIGHT, ABOVE]
    naming.name(centres, people(RIGHT, 100))
    assert naming.name(centres, people(ABOVE, 100)).ids == ("c1", "c1")
    assert naming.name([*centres, LEFT], people(ABOVE, 100) + people(LEFT, 100)).ids[1:] == ("c1", "c2")
    assert naming.name([*centres, LEFT], people(ABOVE, 100) + people(LEFT, 100)).ids[1:] == ("c1", "c2")


def test_a_cluster_in_use_keeps_its_name_though_it_shrinks_to_where_another_was_that_is_gone() -> None:
    naming, left, one, other = Naming(), people(LEFT, 500), people((1.5, 0), 150), people((2.5, 0), 200)
    naming.groups(left, one, other)
    naming.groups(left, one + other)
    assert naming.groups(left, one).ids == ("c1", "c2")


def test_where_there_are_people_everywhere_a_part_is_a_cluster_when_it_is_far_enough_away() -> None:
    naming, rows = Naming(), [(number / 200 - 3.0, 0.0) for number in range(1_200)]
    assert naming.name([(-2.0, 0.0), (0.0, 0.0), (2.0, 0.0)], rows).ids == ("c1", "c2", "c3")
    found = naming.name([(-2.0, 0.0), (0.0, 0.0), (1.5, 0.0), (2.5, 0.0)], rows)
    assert found.ids == ("c1", "c2", "c3", "c4")
    assert naming.news() == [("split", "c4", ("c3",))]


def test_a_small_part_stays_with_its_people_though_another_cluster_is_nearer() -> None:
    naming = Naming(minimum_share=0.12)
    left, right, part = people((-1.5, 0), 500), people(RIGHT, 405), people((0.2, 0), 95, 2, 0.1)
    naming.groups(left, right + part)
    assert naming.groups(left, right, part).ids == ("c1", "c2", "c2")


def test_users_who_are_all_the_same_keep_their_name_when_they_become_another_alike() -> None:
    naming, groups = Naming(), [people(LEFT, 100, deviation=0.0), people(RIGHT, 200, deviation=0.0)]
    assert naming.groups(*groups).ids == ("c2", "c1")
    for step in range(1, 5):
        moved = [people((x + 0.3 * step, y), 100, deviation=0.0) for x, y in (RIGHT, LEFT)]
        assert naming.groups(*moved).ids == ("c1", "c2")


def test_a_few_odd_users_change_no_number_of_groups_that_are_alike() -> None:
    """Two groups of equal size are numbered by who was seen first, whatever else is in the one or the other."""
    scale = Scale((0.0,), (1.0,))
    rows: list[Vector] = [(at + user / 100,) for user in range(20) for at in (3.0, -3.0)]
    for odd in ([], [(3.1,)] * 3, [(-3.1,)] * 3):
        clusters = Identity().name([(-3.0,), (3.0,)], 2.0, scale, [*rows, *odd], 0.02, 1, 0)
        assert clusters.ids == ("c2", "c1")
