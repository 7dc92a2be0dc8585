"""Who has company, and who is far from everybody.

By those who are far no scale is taken and no group is looked for: a few who are nothing but extremes would be a group,
and leave one less for all others.

The law: a user has company where about as many others as make a cluster are no farther away than two users are from
each other on average. A small group that lies far out has company, its own. Where many have none that is what the world
is like, and all of them count.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.segmentation.models.scaling import Scaled
from services.segmentation.training.geometry.distances import Matrix

COMPANY = 0.02
"""The part of the users that is company."""
MOST_ODD = 0.1
"""The part of the users that can be without."""
MOST_COMPARED = 1_000
"""Users with whom each is compared."""


def with_company(scaled: Sequence[Scaled]) -> list[Scaled]:
    """Of some users, at least one, those who count."""
    return [user for user, has_company in zip(scaled, in_company(np.array(scaled)), strict=True) if has_company]


def in_company(users: Matrix) -> npt.NDArray[np.bool_]:
    """By user, at least one, whether he counts."""
    some = users[:: -(-len(users) // MOST_COMPARED)]
    near = 2.0 * float(users.var(axis=0).sum())
    # |user - other| ** 2 without a table of all features of all pairs.
    apart = (users**2).sum(axis=1)[:, None] - 2.0 * users @ some.T + (some**2).sum(axis=1)
    has_company = np.asarray((apart <= near).sum(axis=1) > COMPANY * len(some))
    return has_company if has_company.mean() >= 1 - MOST_ODD else np.ones_like(has_company)
