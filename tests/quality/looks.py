"""How inclinations show: what is measured of a user is seldom as normal as what the user is like."""

import numpy as np

from tests.quality.planted import Floats


def counts(latent: Floats, chance: np.random.Generator) -> Floats:
    """Every feature a count of events on the scale of features, most of them few and many none."""
    return np.asarray(np.log1p(chance.poisson(np.exp(np.clip(latent, -3, 6)))))


def zero_inflated(latent: Floats, chance: np.random.Generator) -> Floats:
    """The same, where three in ten that could have happened did not."""
    return np.asarray(counts(latent, chance) * (chance.random(len(latent)) >= 0.3))


def of_all_sorts(latent: Floats, chance: np.random.Generator) -> Floats:
    """Counts, parts of a whole, yes or no, and amounts, in turn, as features of a shop are."""
    seen = counts(latent, chance)
    seen[1::4] = 1 / (1 + np.exp(-latent[1::4]))
    seen[2::4] = latent[2::4] > chance.logistic(0, 0.3, len(latent[2::4]))
    seen[3::4] = latent[3::4]
    return seen
