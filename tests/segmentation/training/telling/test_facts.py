import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Clusters, Happening
from services.segmentation.training.telling.facts import FeatureText, facts
from services.segmentation.training.telling.measures import Measure
from services.segmentation.training.telling.traits import Groups as Grouped
from services.segmentation.training.telling.traits import traits
from tests.segmentation.training.telling.told_of import Groups, Rows, some, told_of

VIEWS = {"views": 'decayed("page_view", halflife="7d")'}
SCALE = Scale((0.0, 0.0), (1.0, 1.0))
TEXTS = (FeatureText("sport", 'share("read", "category", "sport", halflife="7d")'), FeatureText("visits", "tenure()"))
TWO = Clusters(((-2.0, 0.0), (2.0, 0.0)), ("c2", "c10"))
ROWS = [(-2.1, 0.0), (-2.0, 0.1), (-1.5, 0.3), (2.0, 0.0), (2.5, 0.0)]


def test_users_are_counted_to_the_cluster_of_the_nearest_centre() -> None:
    of_c2, of_c10 = facts(TWO, SCALE, TEXTS, ROWS, None, 1)
    assert (of_c2.id, of_c2.size, of_c2.share) == ("c2", 3, 0.6)
    assert (of_c10.id, of_c10.size, of_c10.share) == ("c10", 2, 0.4)


def test_facts_come_in_the_order_of_the_numbers_of_ids() -> None:
    turned = Clusters(TWO.centres[::-1], TWO.ids[::-1])
    assert [each.id for each in facts(turned, SCALE, TEXTS, ROWS, None, 1)] == ["c2", "c10"]


def test_centres_that_stand_for_one_cluster_are_told_of_together() -> None:
    folded = Clusters((*TWO.centres, (0.0, 4.0)), ("c2", "c10", "c2"))
    of_c2, of_c10 = facts(folded, SCALE, TEXTS, [*ROWS, (0.0, 4.0)], None, 1)
    assert (of_c2.size, of_c10.size) == (4, 2)


def test_a_cluster_without_users_is_told_of_too() -> None:
    empty = Clusters((*TWO.centres, (0.0, 50.0)), ("c2", "c10", "c11"))
    told = facts(empty, SCALE, TEXTS, ROWS, None, 1)[-1]
    assert (told.id, told.size, told.share, told.traits, told.exemplars) == ("c11", 0, 0.0, (), ())
    assert told.silhouette is None


def test_nothing_is_wrong_with_nobody_and_with_nothing() -> None:
    assert [each.size for each in facts(TWO, SCALE, TEXTS, [], None, 1)] == [0, 0]
    assert facts(Clusters((), ()), SCALE, TEXTS, ROWS, None, 1) == ()


def test_an_effect_is_cohens_d_with_the_pooled_deviation() -> None:
    rows = [(-2.0, 0.0), (-3.0, 0.0), (-1.0, 0.0), (2.0, 0.0), (1.0, 0.0)]
    trait = facts(TWO, SCALE, TEXTS, rows, None, 1)[0].traits[0]
    pooled = math.sqrt((2.0 + 0.5) / 3)
    assert trait.feature == "sport"
    assert trait.effect == pytest.approx((-2.0 - 1.5) / pooled)


def test_what_hardly_differs_is_no_trait_and_the_greatest_effect_comes_first() -> None:
    rows = [(-2.0, 0.3), (-3.0, -0.3), (2.0, 0.3), (1.0, -0.3)]
    assert [each.feature for each in facts(TWO, SCALE, TEXTS, rows, None, 1)[0].traits] == ["sport"]
    rows = [(-2.0, 0.3), (-3.0, 0.0), (2.0, 0.7), (1.0, 0.4)]
    assert [each.feature for each in facts(TWO, SCALE, TEXTS, rows, None, 1)[0].traits] == ["sport", "visits"]


def test_a_single_cluster_has_no_traits_and_no_silhouette() -> None:
    (told,) = facts(Clusters(((0.0, 0.0),), ("c1",)), SCALE, TEXTS, ROWS, None, 1)
    assert (told.size, told.traits, told.silhouette) == (5, (), None)


def test_means_and_lifts_of_counts_are_told_as_counts() -> None:
    groups = {"c1": [(math.log1p(30),)] * 50, "c2": [(math.log1p(2),)] * 50}
    trait = told_of(VIEWS, groups)["c1"].traits[0]
    everybody = math.sqrt(31 * 3) - 1
    assert trait.mean == pytest.approx(30)
    assert trait.lift == pytest.approx(30 / everybody)


def test_ages_are_told_in_days() -> None:
    groups = {"c1": [(math.log1p(30 * 1_440),)] * 50, "c2": [(math.log1p(2 * 1_440),)] * 50}
    told = told_of({"known_for": "tenure()"}, groups)
    assert [told[each].traits[0].mean for each in ("c1", "c2")] == [pytest.approx(30), pytest.approx(2)]


def test_means_and_lifts_of_shares_and_flags_are_told_as_parts() -> None:
    terms = {"sport": 'share("read", "category", "sport", halflife="7d")', "paying": 'trait("paying")'}
    told = told_of(terms, {"c1": [(0.8, 1.0)] * 30, "c2": [(0.2, 0.0)] * 30})
    found = {each.feature: (each.mean, each.lift) for each in told["c1"].traits}
    assert found == {"sport": pytest.approx((0.8, 1.6)), "paying": (1.0, 2.0)}


def test_a_lift_is_not_told_of_what_is_below_zero() -> None:
    told = told_of({"degrees": 'trait("degrees")'}, {"c1": [(-2.0,)] * 30, "c2": [(1.0,)] * 30})
    assert told["c1"].traits[0].mean == pytest.approx(-math.expm1(2))
    assert told["c1"].traits[0].lift == 0


def test_what_is_missing_counts_neither_for_nor_against() -> None:
    terms = VIEWS | {"age": 'trait("age")', "never": 'trait("never")'}
    groups: Groups = {"c1": [(3.0, 4.0, None), (3.0, None, None)] * 20, "c2": [(1.0, 3.0, None)] * 40}
    told = told_of(terms, groups)["c1"]
    assert [each.feature for each in told.traits] == ["views", "age"]
    assert told.traits[1].mean == pytest.approx(math.expm1(4))


def test_poison_changes_hardly_anything_that_is_told() -> None:
    calm = {"c1": some(200, 1, views=3.0), "c2": some(200, 2, views=1.2)}
    poisoned = {"c1": [*calm["c1"][1:], (25.0,)], "c2": calm["c2"]}
    before, after = told_of(VIEWS, calm)["c1"], told_of(VIEWS, poisoned)["c1"]
    assert after.name == before.name
    assert after.traits[0].mean == pytest.approx(before.traits[0].mean, rel=0.15)
    assert after.traits[0].lift == pytest.approx(before.traits[0].lift, rel=0.15)
    assert after.silhouette == pytest.approx(before.silhouette, abs=0.1)


@pytest.mark.parametrize("poisoned", [1, 5, 14])
@pytest.mark.parametrize(("group", "poison"), [("c1", 25.0), ("c2", -25.0)])
def test_a_handful_of_poison_does_not_move_what_is_typical(group: str, poison: float, poisoned: int) -> None:
    terms = VIEWS | {"moved": 'sum("transfer", "value")'}
    many = [*some(300, 1, views=4.0, moved=5.0), *some(262, 1, views=4.0, moved=0.0)]
    few = [*some(80, 2, views=0.5, moved=5.0), *some(482, 2, views=0.5, moved=0.0)]
    calm = {"c1": many, "c2": few}
    poisonous = {**calm, group: [*calm[group], *[(calm[group][0][0], poison)] * poisoned]}
    told = [told_of(terms, groups)[group] for groups in (calm, poisonous)]
    before, after = ({each.feature: each for each in facts.traits}["moved"] for facts in told)
    assert after.mean == pytest.approx(before.mean, rel=0.02 + 0.02 * poisoned)
    assert after.lift == pytest.approx(before.lift, rel=0.02 + 0.02 * poisoned)


def test_parts_are_means_however_few_are_true() -> None:
    terms = {
        "vip": 'trait("vip")',
        "sport": 'share("read", "category", "sport", halflife="7d")',
        "reads": 'count("read")',
    }
    measured = np.array([[1.0, 0.5, 9.0], *[[0.0, 0.0, 0.0]] * 99])
    read = [Measure.of(name, term, column) for (name, term), column in zip(terms.items(), measured.T, strict=True)]
    told = traits(Grouped(measured, measured, {"c1": np.arange(100)}), "c1", read)
    assert [each.mean for each in told] == [0.01, 0.005, 0.0]


@pytest.mark.parametrize(("never", "days"), [(40, 20.0), (60, 3_650.0)])
def test_an_age_is_the_middle_one_for_days_and_never_have_no_mean(never: int, days: float) -> None:
    age, of_all = (math.log1p(each * 1_440) for each in (20, 3_650))
    groups = {"c1": [(of_all,)] * never + [(age,)] * (100 - never), "c2": [(0.0,)] * 50}
    trait = told_of({"gone": 'since("match")'}, groups)["c1"].traits[0]
    assert trait.mean == pytest.approx(days)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_so_few_all_count(count: int) -> None:
    rows: Rows = [(float(number + 1),) for number in range(count)]
    told = told_of(VIEWS, {"c1": rows, "c2": [(9.0,)] * 3})["c1"]
    assert told.traits[0].mean == pytest.approx(math.expm1((count + 1) / 2))


def test_a_silhouette_is_told_of_each_cluster() -> None:
    told = facts(TWO, SCALE, TEXTS, [(-2.0, 0.0), (-1.9, 0.0), (2.0, 0.0)], None, 1)
    assert [each.silhouette for each in told] == [pytest.approx(0.974, abs=0.001), 0]


def test_a_drift_is_how_far_a_centre_went_in_deviations_of_a_feature() -> None:
    moved = Clusters(((-2.0, 0.6), (2.0, 0.0)), TWO.ids)
    told = facts(moved, SCALE, TEXTS, ROWS, TWO, 2)
    assert [each.drift for each in told] == [pytest.approx(0.6 / math.sqrt(2)), 0.0]


def test_a_cluster_that_was_not_there_before_has_not_drifted() -> None:
    told = facts(Clusters(TWO.centres, ("c2", "c11")), SCALE, TEXTS, ROWS, TWO, 2)
    assert [each.drift for each in told] == [0.0, 0.0]


def test_a_splinter_that_is_counted_to_a_cluster_hardly_moves_its_centre() -> None:
    splintered = Clusters((*TWO.centres, (-4.0, 4.0)), (*TWO.ids, "c2"))
    crowd = [(-2.0, 0.0)] * 99 + [(-4.0, 4.0), (2.0, 0.0)]
    assert facts(splintered, SCALE, TEXTS, crowd, TWO, 2)[0].drift < 0.1


def test_exemplars_are_different_users_at_the_heart() -> None:
    rows = [(-2.0, 0.1), (-2.0, 0.0), (-2.0, 0.0), (-2.2, None), (-3.0, 0.0), (2.0, 0.0)]
    assert facts(TWO, SCALE, TEXTS, rows, None, 1)[0].exemplars == ((-2.0, 0.0), (-2.0, 0.1), (-2.2, None))


def test_a_cluster_is_as_old_as_the_snapshot_in_which_it_appeared() -> None:
    first = replace(TWO, facts=facts(TWO, SCALE, TEXTS, ROWS, None, 3))
    second = Clusters(TWO.centres, ("c2", "c11"))
    told = facts(second, SCALE, TEXTS, ROWS, first, 4)
    assert [each.since_version for each in told] == [3, 4]


def test_a_cluster_that_returned_is_as_old_as_its_first_happening() -> None:
    happenings = (
        Happening(1, 0, "appeared", "c2"),
        Happening(2, 0, "appeared", "c10"),
        Happening(5, 0, "faded", "c10"),
        Happening(9, 0, "returned", "c10"),
    )
    returned = replace(TWO, happenings=happenings)
    assert facts(returned, SCALE, TEXTS, ROWS, None, 9)[1].since_version == 2


def test_a_cluster_that_returned_is_called_as_it_was_where_that_still_holds() -> None:
    rows = [(-2.0, 3.0)] * 9 + [(2.0, 11.0)] * 9
    anew = facts(TWO, SCALE, TEXTS, rows, None, 9)[1]
    went = {"c10": "long-standing users", "c2": "sport readers"}
    assert anew.name == "long-standing sport readers"
    told = facts(TWO, SCALE, TEXTS, rows, None, 9, went)
    assert told[1].name == "long-standing users"
    assert told[0].name != "sport readers"


def test_a_feature_that_cannot_be_read_stops_nothing() -> None:
    told = told_of({"odd": "what is this"}, {"c1": [(3.0,)] * 30, "c2": [(1.0,)] * 30})
    assert [each.name for each in told.values()] == ["users with high odd", "users with low odd"]


_NUMBERS = st.none() | st.floats(-25, 25)


@given(
    rows=st.lists(st.tuples(_NUMBERS, _NUMBERS), max_size=30),
    centres=st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=6),
    ids=st.lists(st.sampled_from(["c1", "c2", "c3", "c12"]), min_size=6, max_size=6),
)
def test_whatever_there_is_facts_are_finite_complete_and_the_same_again(
    rows: list[Vector], centres: list[tuple[float, float]], ids: list[str]
) -> None:
    clusters = Clusters(tuple(centres), tuple(ids[: len(centres)]))
    first = facts(clusters, SCALE, TEXTS, rows, None, 1)
    assert first == facts(clusters, SCALE, TEXTS, rows, None, 1)
    assert sum(each.size for each in first) == len(rows)
    assert {each.id for each in first} == set(clusters.ids)
    assert len({each.name for each in first}) == len(first)
    for each in first:
        numbers = [each.drift, each.share, *(number for trait in each.traits for number in trait[1:])]
        assert all(map(math.isfinite, numbers))
        assert each.silhouette is None or -1 <= each.silhouette <= 1
        assert len(each.name) <= 60
