"""To which clusters those are counted that are too small."""

from collections.abc import Sequence

from services.segmentation.training.identity.folding import folded, users_of
from services.segmentation.training.identity.places import View
from tests.segmentation.training.identity.namings import plain


def line(*groups: tuple[float, int]) -> View:
    """Groups of one feature, each at its centre."""
    return View([(at,) for at, _ in groups], 2.0, plain(1), [(at,) for at, count in groups for _ in range(count)])


def heads(view: View, enough: Sequence[float]) -> list[int]:
    each = dict(enumerate(range(len(view.centres))))
    return list(folded(view, each, dict(enumerate(enough))).values())


def test_a_small_one_is_counted_to_its_nearest_neighbour() -> None:
    assert heads(line((0.0, 50), (1.0, 3), (1.9, 40)), [10, 10, 10]) == [0, 2, 2]


def test_small_ones_next_to_each_other_are_large_enough_together() -> None:
    assert heads(line((-3.0, 50), (1.0, 6), (1.2, 7), (3.0, 40)), [10, 10, 10, 10]) == [0, 2, 2, 3]


def test_what_has_grown_by_others_is_as_near_as_the_nearest_of_them() -> None:
    assert heads(line((-3.0, 50), (0.0, 3), (1.0, 4), (1.9, 30)), [10, 10, 10, 10]) == [0, 3, 3, 3]


def test_what_is_enough_is_said_for_each() -> None:
    assert heads(line((0.0, 50), (1.0, 6), (1.9, 6)), [10, 5, 10]) == [0, 1, 1]


def test_the_last_one_stays_however_small_it_is() -> None:
    assert heads(line((0.0, 4), (1.0, 2), (1.9, 1)), [10, 10, 10]) == [0, 0, 0]


def test_where_nobody_is_enough_nobody_is_folded() -> None:
    view = line((0.0, 0), (1.0, 0))
    assert heads(view, [0, 0]) == [0, 1]
    assert users_of(view, {0: 0, 1: 1}) == {0: 0, 1: 0}
