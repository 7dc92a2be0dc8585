"""How near is near, found on the warm-up."""

from collections.abc import Sequence
from functools import partial
from math import dist
from typing import NamedTuple

import pytest

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.river import radii
from tests.segmentation.training.conformance.estimators import middles, planted, users

APART = sum((a - b) ** 2 for a, b in zip(*middles()[:2], strict=True)) ** 0.5


class Found(NamedTuple):
    them: tuple[Scaled, ...]

    def centres(self) -> tuple[Scaled, ...]:
        return self.them


def test_the_typical_radius_holds_a_good_part_of_a_group_and_not_the_next_one() -> None:
    assert 0.4 < radii.typical(users(500)) < APART / 2


def test_users_who_are_all_alike_have_a_radius_too() -> None:
    assert radii.typical([(1.0, 1.0)] * 10) == radii.typical([(1.0, 1.0)]) == radii.LEAST_RADIUS


@pytest.mark.parametrize("best", range(len(radii.FACTORS)))
def test_the_radius_is_chosen_that_finds_the_groups(best: int) -> None:
    some = users(300)
    wanted = radii.FACTORS[best] * radii.typical(some)

    def taught(radius: float, given: Sequence[Scaled]) -> Found:
        return Found(tuple(middles()) if radius == wanted else tuple(middles()[:2]))

    assert radii.fitting(taught, some) == wanted


def test_among_radii_that_are_as_good_the_typical_one_is_taken() -> None:
    some = users(300)
    assert radii.fitting(lambda *_: Found(tuple(middles())), some) == radii.typical(some)
    assert radii.fitting(lambda *_: Found(()), some) == radii.typical(some)


def test_among_radii_that_are_as_good_one_is_taken_that_tells_most_groups_apart() -> None:
    """Where groups run into each other it makes little difference to the silhouette whether two of them are one."""
    some = [user for _, user in planted(300, spread=2.5)]
    *others, one, two = middles()
    between = tuple((a + b) / 2 for a, b in zip(one, two, strict=True))
    assert _chosen(some, [*others, between], middles()) == pytest.approx(radii.FACTORS[1])


def test_a_little_better_is_no_better() -> None:
    some = [user for _, user in planted(300, spread=2.5)]
    first, *others = middles()
    aside = [(first[0] - 1.0, *first[1:]), *others]
    assert _chosen(some, aside, middles()) == pytest.approx(radii.FACTORS[0])


def test_halves_of_groups_are_worse_than_groups() -> None:
    halves = [(*middle[:-1], middle[-1] + aside) for middle in middles() for aside in (-0.2, 0.2)]
    assert _chosen(users(300), middles(), halves) == pytest.approx(radii.FACTORS[0])


def _chosen(some: list[Scaled], *found: list[Scaled]) -> float:
    """The factor of the radius that is chosen where those with the first radii find these, and all others nothing."""
    nothing: list[Scaled] = []
    finding = iter([*found, *[nothing] * len(radii.FACTORS)])
    return radii.fitting(lambda *_: Found(tuple(next(finding))), some) / radii.typical(some)


def test_centres_of_hardly_anybody_count_for_nothing() -> None:
    """Groups with some of their outermost users as centres of their own are better than two groups in one."""
    some, tried = users(300), []
    outermost = sorted(some, key=lambda user: -min(map(partial(dist, user), middles())))[:10]

    def taught(radius: float, given: Sequence[Scaled]) -> Found:
        tried.append(radius)
        return Found((*middles(), *outermost) if len(tried) == 1 else tuple(middles()[:3]))

    assert radii.fitting(taught, some) == tried[0]
    assert _chosen(some, middles(), [*middles(), *outermost]) == pytest.approx(radii.FACTORS[0])


def test_a_long_warm_up_is_looked_at_in_part() -> None:
    seen = []

    def taught(radius: float, given: Sequence[Scaled]) -> Found:
        seen.append(len(given))
        return Found(tuple(middles()))

    radii.fitting(taught, users(1_100))
    assert set(seen) == {550}
