"""How well clusters are apart, after Rousseeuw (1987), from a bounded part of their users."""

from collections.abc import Mapping

import numpy as np

from services.segmentation.training.geometry.distances import Matrix, Numbers, distances

MOST_USERS = 600
"""That are compared with each other, as many of each cluster as possible."""
FEWEST_OF_A_CLUSTER = 5


def silhouettes(scaled: Matrix, members: Mapping[str, Numbers], power: float) -> Mapping[str, float | None]:
    """The mean of each cluster's users, who are told by their rows; None where there is nobody, or nobody else."""
    peopled = {each: _some(users, len(members)) for each, users in members.items() if len(users)}
    if len(peopled) < 2:
        return dict.fromkeys(members)
    users = np.concatenate(list(peopled.values()))
    owners = np.repeat(np.arange(len(peopled)), [len(members) for members in peopled.values()])
    each_user = _each(scaled[users], owners, power)
    found = {each: float(each_user[owners == number].mean()) for number, each in enumerate(peopled)}
    return {each: found.get(each) for each in members}


def _some(members: Numbers, clusters: int) -> Numbers:
    """Evenly spread over those that were seen lately and long ago."""
    most = max(FEWEST_OF_A_CLUSTER, MOST_USERS // clusters)
    if len(members) <= most:
        return members
    return members[np.linspace(0, len(members) - 1, most).astype(np.intp)]


def _each(scaled: Matrix, owners: Numbers, power: float) -> Matrix:
    """Of each user. One who is alone is neither near nor far: 0."""
    sizes = np.bincount(owners)
    apart = np.stack([distances(scaled, user, power) ** (1 / power) for user in scaled])
    sums = np.stack([apart[:, owners == number].sum(axis=1) for number in range(len(sizes))], axis=1)
    everybody = np.arange(len(owners))
    inside = sums[everybody, owners] / np.maximum(1, sizes[owners] - 1)
    means = sums / sizes
    means[everybody, owners] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(np.maximum(inside, outside), np.finfo(np.float64).tiny)
    return np.where(sizes[owners] == 1, 0.0, (outside - inside) / widest)
