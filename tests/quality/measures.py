"""The figures that answers are marked with. From 0 or less for a guess to 1 for the truth, but for lift."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from sklearn.metrics import adjusted_rand_score, roc_auc_score


def ari(truth: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """The adjusted Rand index: how many pairs of users are rightly together or apart, beyond chance."""
    return float(adjusted_rand_score(coded(truth), coded(found)))


def purity(truth: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """The part of users who are of their cluster's commonest group."""
    members: dict[Hashable, Counter[Hashable]] = {}
    for group, cluster in zip(truth, found, strict=True):
        members.setdefault(cluster, Counter())[group] += 1
    return sum(max(groups.values()) for groups in members.values()) / len(truth)


def kept(before: Sequence[str], after: Sequence[str]) -> float:
    """The part of users whose cluster has the same id."""
    return sum(one == other for one, other in zip(before, after, strict=True)) / len(before)


def auc(labels: Sequence[bool], scores: Sequence[float]) -> float:
    return float(roc_auc_score(labels, scores))


def lift(labels: Sequence[bool], scores: Sequence[float], part: float = 0.05) -> float:
    """How many more of those wanted are among the best `part` than among as many whom chance picks."""
    most = max(1, round(len(scores) * part))
    best = np.argsort(-np.asarray(scores), kind="stable")[:most]
    return float(np.mean(np.asarray(labels)[best]) / np.mean(labels))


def coded(names: Sequence[Hashable]) -> list[int]:
    known: dict[Hashable, int] = {}
    return [known.setdefault(name, len(known)) for name in names]
