"""Which centre of a new version continues which cluster. Everything that decides it lives here.

The law: as many users as possible keep their cluster (an assignment problem). Users speak for a cluster only where its
people were known to be, so that a new group takes no name from the one that happens to be its nearest. A cluster of
which no user tells anything goes to the nearest centre of which none does either.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from services.segmentation.training.geometry.distances import Matrix
from services.segmentation.training.identity.places import Place, View
from services.segmentation.training.identity.stakes import Stakes

FARTHEST_JUMP = 2.0
"""Times its reach a cluster may have moved of which no user is where its people were."""
GONE_COUNT = 0.5
"""What a user counts for a cluster that is gone: those that are in use come first."""


def matched(view: View, known: Stakes, gone: Sequence[Place], least_users: float) -> Mapping[int, str]:
    """By centre, the id of the cluster that it continues; no id twice. `least_users` make a cluster."""
    cores = [number for number, place in enumerate(known.places) if place.is_core]
    candidates = [*(known.places[number] for number in cores), *gone]
    scores = np.vstack([_continued(view, known, cores, least_users), _returned(view, gone, least_users)])
    pairs = zip(*linear_sum_assignment(scores, maximize=True), strict=True)
    return {int(centre): candidates[number].id for number, centre in pairs if scores[number, centre] > 0}


def _continued(view: View, known: Stakes, cores: Sequence[int], least_users: float) -> Matrix:
    """By cluster and centre the users that both have, if no other cluster has far more of the centre's."""
    users = known.users[cores]
    has_claim = (2 * users >= known.users.max(axis=0)) & (users > 0)
    return np.where(has_claim, users, _near(view, known, cores, least_users))


def _near(view: View, known: Stakes, cores: Sequence[int], least_users: float) -> Matrix:
    """By cluster and centre how near they are, where users tell nothing of either: all together less than one user."""
    if not cores:
        return np.zeros((0, len(view.centres)))
    users = known.users[cores]
    jumps = np.stack([view.centres_from(known.places[n]) / known.places[n].reach for n in cores]) / FARTHEST_JUMP
    elsewhere = users.sum(axis=1, keepdims=True) - users
    is_open = (2 * known.users[-1] >= view.users) & (elsewhere <= np.maximum(users, least_users / 2))
    return np.where(is_open, np.clip(1 - jumps, 0, 1), 0.0) / (2 * len(cores))


def _returned(view: View, gone: Sequence[Place], least_users: float) -> Matrix:
    """By cluster and centre the users that are where its people were, if those are most of the centre's."""
    scores = np.zeros((len(gone), len(view.centres)))
    for number, place in enumerate(gone):
        users = view.by_centre(view.users_from(place) <= place.reach)
        is_back = (2 * users >= view.users) & (view.users >= max(least_users, 1))
        scores[number] = np.where(is_back, GONE_COUNT * users, 0.0)
    return scores
