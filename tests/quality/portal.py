"""A portal to which most come now and then: clusters are told apart among people of whom most are of none.

Regulars are of a group, and of a clear taste. Casual users come once or twice, a quarter of them for a single event,
and like a bit of two groups or of all, so that they lie between the groups. Nothing happens to anybody: ids should
stay.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from services.segmentation.models.samples import Sample, pseudonym
from tests.quality import batch
from tests.quality.figures import table
from tests.quality.folding import Folding
from tests.quality.judging import Watched, answers, vectors, watch
from tests.quality.measures import ari, kept
from tests.quality.planted import Floats, Told
from tests.quality.shop import DAY_MS, DEVICES, HOUR_MS, START_MS, Persona, Row, personas, session, usual_features
from tests.quality.visits import model

NOBODY = -1
"""The group of those who are of none."""
SMALLEST = 0.4
"""The smallest group beside the largest."""
SINGLE = 0.25
"""Of casual users, those who come for a single event."""
FEWEST_VISITS = 4
"""Of a regular."""


@dataclass(frozen=True)
class Portal:
    """The same seed gives the same events."""

    groups: int
    seed: int
    users: int = 15_000
    casual: float = 0.65
    """The part of users who are of no group."""
    contrast: float = 5.0
    days: int = 14

    @property
    def truth(self) -> dict[str, int]:
        """Of whom each regular is one."""
        parts = np.geomspace(1.0, SMALLEST, self.groups)
        sizes = (1 - self.casual) * self.users * parts / parts.sum()
        return {f"u{group}-{number}": group for group, size in enumerate(sizes) for number in range(round(size))}

    def events(self) -> list[Row]:
        """In order of time."""
        chance = np.random.default_rng(self.seed)
        among = personas(self.groups, chance, self.contrast)
        rows = [row for user, group in self.truth.items() for row in self._regular(user, among[group], chance)]
        for number in range(round(self.casual * self.users)):
            rows += self._casual(f"u{number}", blended(among, chance), chance)
        return sorted(rows, key=lambda row: (row["ts"], row["event_id"]))

    def told(self, terms: Mapping[str, str]) -> Iterator[Told]:
        """The samples of such features that a trainer is told, with the groups of their users."""
        group_of = {pseudonym("default", user): group for user, group in self.truth.items()}
        for sample in Folding(terms).told(self.events()):
            assert isinstance(sample, Sample)
            part = (sample.at_ms - START_MS) / (self.days * DAY_MS)
            yield Told(sample, group_of.get(sample.user, NOBODY), part)

    def _regular(self, user: str, persona: Persona, chance: np.random.Generator) -> Iterator[Row]:
        zeal = float(np.exp(0.6 * chance.standard_normal()))
        visits = FEWEST_VISITS + int(chance.poisson(0.5 * persona.sessions_per_day * zeal * self.days))
        return self._visits(user, persona, visits, 0.5 * chance.random(), chance)

    def _casual(self, user: str, persona: Persona, chance: np.random.Generator) -> Iterator[Row]:
        visits = 1 + int(chance.poisson(1.0 * np.exp(chance.standard_normal())))
        rows = self._visits(user, persona, visits, float(chance.random()), chance)
        return islice(rows, 1) if chance.random() < SINGLE else rows

    def _visits(
        self, user: str, persona: Persona, count: int, start: float, chance: np.random.Generator
    ) -> Iterator[Row]:
        """From a part of the recording on."""
        tastes = chance.dirichlet(np.asarray(persona.tastes) * 25)
        mobile = np.clip(persona.mobile + 0.1 * chance.normal(), 0.02, 0.98)
        for visit, part in enumerate(np.sort(start + (1 - start) * chance.random(count))):
            day_ms = START_MS + int(part * self.days) * DAY_MS
            at_ms = day_ms + int(np.clip(chance.normal(persona.hour, 1.5), 0, 23) * HOUR_MS)
            device = "mobile" if chance.random() < mobile else str(chance.choice(DEVICES[1:]))
            yield from session(f"{user}.{visit}", user, persona, at_ms, device, tastes, chance)


def features() -> dict[str, str]:
    """What people like; how often they come and how long ago would tell those of a group from those of none."""
    left_out = ("carts", "purchases", "spent", "tenure", "recency")
    return {name: term for name, term in usual_features().items() if name not in left_out}


def blended(among: Sequence[Persona], chance: np.random.Generator) -> Persona:
    """Somebody between two groups, or as often between all."""
    is_between_two = chance.random() < 0.5
    of = chance.permutation(len(among))[: 2 if is_between_two else None]
    weights = chance.dirichlet(np.full(len(of), 2.0 if is_between_two else 8.0))

    def mean(name: str) -> float:
        return float(weights @ [getattr(among[each], name) for each in of])

    tastes: Floats = weights @ np.array([among[each].tastes for each in of])
    levels = {name: mean(name) for name in ("sessions_per_day", "views_per_session", "hour", "mobile", "adds", "buys")}
    price = float(np.exp(weights @ np.log([among[each].price for each in of])))
    return replace(among[0], tastes=list(tastes), price=price, **levels)


class Marks(NamedTuple):
    """Of a version beside the one before it."""

    ari: float
    kept: float
    """The part of the regulars whose id is the same: what both snapshots say of the same features."""
    kept_by_all: float
    """The same of everybody."""


def lived(of: Portal) -> tuple[list[Marks], float]:
    """Of the later half of the versions, and the ARI of batch k-means, which sees everybody at the end as well."""
    watched = watch(model(of.groups, features()), of.told(features()))
    later = range(len(watched.snapshots) // 2, len(watched.snapshots))
    everybody = list(watched.newest.values())
    found = batch.kmeans(vectors(everybody), of.groups)
    both = [(told.group, label) for told, label in zip(everybody, found, strict=True) if told.group != NOBODY]
    return [_marks(watched, version) for version in later], ari(*zip(*both, strict=True))


def _marks(watched: Watched, version: int) -> Marks:
    known = list(watched.so_far[version].values())
    before, after = (answers(watched.snapshots[each], known) for each in (version - 1, version))
    of_groups = [(told.group, *ids) for told, *ids in zip(known, before, after, strict=True) if told.group != NOBODY]
    groups, regular_before, regular_after = zip(*of_groups, strict=True)
    return Marks(ari(groups, regular_after), kept(regular_before, regular_after), kept(before, after))


def report(seeds: int) -> Iterator[str]:
    rows: list[list[object]] = []
    for groups in (5, 8):
        each = [lived(Portal(groups, seed)) for seed in range(1, seeds + 1)]
        figures = zip(*(marks for of_one, _ in each for marks in of_one), strict=True)
        shown = [middle for marks in figures for middle in (statistics.mean(marks), min(marks))]
        rows.append([f"{groups} groups among casual users", *shown, statistics.mean(peer for _, peer in each)])
    head = ["Two weeks of a portal", "ARI", "least", "ids kept", "least", "by everybody", "least", "batch k-means ARI"]
    yield table(head, rows)
