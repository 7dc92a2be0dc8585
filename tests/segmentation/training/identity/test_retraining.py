"""Names stay with their people when k-means begins from nothing with every version, and groups fade meanwhile."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster.vq import kmeans2

from services.segmentation.models.scaling import Scaled
from tests.segmentation.training.identity.namings import Naming, id_of, people

FADES = (1.0, 1.0, 0.7, 0.4, 0.2, 0.1, 0.05, 0.02, 0.0, 0.0)
"""How much of a group is left, by version."""


def spots(chance: np.random.Generator, dimensions: int) -> list[Scaled]:
    """Eight, each seven deviations from the others or farther."""
    found: list[npt.NDArray[np.float64]] = []
    while len(found) < 8:
        spot = chance.normal(size=dimensions)
        if all(np.linalg.norm(spot - other) > 1.4 for other in found):
            found.append(spot)
    return [tuple(map(float, spot)) for spot in found]


def trained(rows: Sequence[Sequence[float | None]], chance: np.random.Generator) -> list[Scaled]:
    """Eight centres, the best of twenty attempts, numbered by chance."""
    users = np.array(rows, dtype=np.float64)
    attempts = [kmeans2(users, 8, minit="++", iter=15, missing="warn", rng=chance) for _ in range(20)]
    best, _ = min(attempts, key=lambda found: float(((users - found[0][found[1]]) ** 2).sum()))
    return [tuple(map(float, each)) for each in chance.permutation(best)]


@pytest.mark.filterwarnings("ignore:One of the clusters is empty")
@pytest.mark.parametrize("dimensions", [3, 8, 24])
def test_when_one_of_eight_groups_fades_all_others_keep_their_names(dimensions: int) -> None:
    chance, naming = np.random.default_rng(dimensions), Naming()
    fading, *others = [
        people(spot, 60 + 20 * number, number) for number, spot in enumerate(spots(chance, dimensions), 1)
    ]
    before = list[str]()
    for left in FADES:
        rows = [row for group in (fading[: int(left * len(fading))], *others) for row in group]
        clusters = naming.name(trained(rows, chance), rows)
        now = [id_of(clusters, row) for group in others for row in group]
        assert (
            np.mean([one == other for one, other in zip(before, now, strict=True)]) >= 0.99
            if before
            else len({*now}) == 7
        )
        before = now
    assert len(clusters.centres) == 8
    assert len(set(clusters.ids)) == 7
    assert clusters.next_id == 9
