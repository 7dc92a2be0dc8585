"""A trained model, frozen: plain numbers, with all that is needed to say what it says and to tell what it is about.

It travels as JSON, in which every number comes back as it was. Whoever reads one trusts nothing but its shape.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.scaling import Scale, Scaled

Knots = tuple[tuple[float, float], ...]
"""Points of a curve that rises, in rising order; straight in between, level before the first and after the last."""


class Trait(NamedTuple):
    """What sets a cluster apart in one feature."""

    feature: str
    mean: float
    """What is typical of the cluster's users, in the term's own unit: the logarithm is undone, days are days."""
    lift: float
    """By how much that is more or less than what is typical of all: 1 is the same. 0 where it cannot be told."""
    effect: float
    """Cohen's d against all others: from 0.8 on, either way, it is large."""


class ClusterFacts(NamedTuple):
    """What is told of a cluster, none of which decides who is in it."""

    id: str
    name: str
    """Made of its traits."""
    size: int
    """Users of the panel (`training/panel.py`)."""
    share: float
    drift: float
    """How far its centre went since the snapshot before, in deviations of a feature."""
    silhouette: float | None
    """From -1 to 1, how much nearer its users are to each other than to the next cluster; None for a single one."""
    traits: tuple[Trait, ...]
    """Those that set it apart most, first."""
    exemplars: tuple[tuple[float | None, ...], ...]
    """The features of some users at its heart."""
    since_version: int
    """The snapshot with which it appeared."""


class Happening(NamedTuple):
    """What became of clusters from one snapshot to the next."""

    version: int
    at_ms: int
    what: Literal["appeared", "split", "merged", "faded", "returned"]
    cluster: str
    """The one that it happened to, or that came out of it."""
    others: tuple[str, ...] = ()
    """What it split from, or was merged of."""


class Move(NamedTuple):
    """How many users went from a class to another between two samples of theirs, by the day of the later one."""

    day: int
    """Days since 1970."""
    before: str
    after: str
    users: int


@dataclass(frozen=True, slots=True)
class Clusters:
    """The nearest of the centres wins, the first of equally near ones; several may stand for the same cluster."""

    centres: tuple[Scaled, ...]
    ids: tuple[str, ...]
    """By centre, the cluster that it stands for."""
    power: float = 2.0
    """Of Minkowski's distance."""
    facts: tuple[ClusterFacts, ...] = ()
    happenings: tuple[Happening, ...] = ()
    """The latest, in rising order."""
    moves: tuple[Move, ...] = ()
    retired: tuple[str, ...] = ()
    """Ids that were in use once; none is given again but to the cluster that had it."""
    next_id: int = 1


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of the scaled features, read on a curve: as a part of the population, or as a probability."""

    weights: tuple[float, ...]
    intercept: float
    curve: Knots


@dataclass(frozen=True, slots=True)
class Trees:
    """Half-space trees (Tan, Ting and Liu, IJCAI 2011), read on a curve as a part of the population.

    Each tree is complete and in level order: node i has the children 2i + 1 and 2i + 2.
    """

    height: int
    size_limit: float
    features: tuple[tuple[int, ...], ...]
    """By tree and inner node, the number of the feature that it asks."""
    thresholds: tuple[tuple[float, ...], ...]
    """A smaller value goes to the left."""
    masses: tuple[tuple[float, ...], ...]
    """By tree and node, how many of the last window's samples came through."""
    curve: Knots


@dataclass(frozen=True, slots=True)
class Classes:
    """The bounds between five classes that as many users are in, in rising order; the best class is the fifth."""

    recency_ms: tuple[int, int, int, int]
    """Who was there within the first of them is in the best class."""
    frequency: tuple[float, float, float, float]
    """Who reaches the last of them is in the best class."""
    value: tuple[float, float, float, float]
    moves: tuple[Move, ...] = ()


Body = Clusters | Linear | Trees | Classes


@dataclass(frozen=True, slots=True)
class Snapshot:
    model: str
    version: int
    """From 1 on, by one with each."""
    definition: str
    """The digest of the definition that it was trained for; it says nothing for another one."""
    features: tuple[str, ...]
    """Their names, in the order of vectors."""
    scale: Scale
    body: Body
    samples: int
    """That it has learned from so far."""
    at_ms: int
    """The moment of the latest of them."""


class Trained(NamedTuple):
    """A snapshot together with the definition that it was trained for, which may have been edited since."""

    definition: ModelDefinition
    snapshot: Snapshot
