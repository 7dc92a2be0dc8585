"""Are planted groups found, and do their ids stay? A row a scenario, the middle of some seeds."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tests.quality import batch
from tests.quality.figures import table
from tests.quality.judging import Watched, answers, cluster_model, vectors, watch
from tests.quality.measures import ari, kept, purity
from tests.quality.planted import Told
from tests.quality.scenarios import Scenario, moving, standing

AT_EASE = 0.3
"""Everything that happens to groups begins after this part of a stream."""


class Found(NamedTuple):
    ari: float
    batch: float
    """That of batch k-means, which is told the number of groups as well."""
    dense: float
    """That of DBSCAN, which is told as little as DBSTREAM and DenStream."""
    purity: float
    clusters: int
    kept: float
    """The part of users of groups to which nothing happened whose id at the end is that of the quiet beginning: what
    both snapshots say of the same features."""
    lived: float
    """The same by what was known of a user at either time, as lookups have it: here samples differ too."""


def find(scenario: Scenario, seed: int, estimator: str) -> Found:
    stream = scenario.stream(seed)
    given = {"n_clusters": scenario.groups} if estimator == "KMeans" else {}
    watched = watch(cluster_model(scenario.shape.dimensions, estimator, **given), stream)
    lately = [told for told in watched.newest.values() if told.part > 0.75]
    truth = [0 if scenario.ends_as_one and told.group == 1 else told.group for told in lately]
    found = answers(watched.last, lately)
    return Found(
        ari(truth, found),
        ari(truth, batch.kmeans(vectors(lately), scenario.groups)),
        ari(truth, batch.dbscan(vectors(lately))),
        purity(truth, found),
        len(set(found)),
        *ids_kept(watched, lambda told: told.group > 1),
    )


def ids_kept(watched: Watched, untouched: Callable[[Told], bool]) -> tuple[float, float]:
    """Of users to whose groups nothing happened: `Found.kept` and `Found.lived`."""
    early = next(at for at, known in enumerate(watched.so_far) if max(t.part for t in known.values()) >= AT_EASE - 0.05)
    known = watched.so_far[early]
    asked = [user for user, told in known.items() if untouched(told)]
    newest = [watched.newest[user] for user in asked]
    after = answers(watched.last, newest)
    lived = kept(answers(watched.snapshots[early], [known[user] for user in asked]), after)
    return kept(answers(watched.snapshots[early], newest), after), lived


def report(estimators: Sequence[str], seeds: int) -> Iterator[str]:
    for title, scenarios in (("Groups that stay", standing), ("Groups to which something happens", moving)):
        rows = []
        for at in range(len(list(scenarios(0)))):
            found = {name: _some(scenarios, at, seeds, name) for name in estimators}
            first = next(iter(found.values()))
            name = list(scenarios(0))[at].name
            rows.append([name, *(figure for each in found.values() for figure in each.shown), first.batch, first.dense])
        head = [title, *(f"{name} {what}" for name in estimators for what in ("ARI", "least", "purity", "ids kept"))]
        yield table([*head, "batch k-means ARI", "DBSCAN ARI"], rows)


class _Middle(NamedTuple):
    ari: float
    least: float
    purity: float
    kept: float
    batch: float
    dense: float

    @property
    def shown(self) -> Sequence[float]:
        return self[:4]


def _some(scenarios: Callable[[int], Iterator[Scenario]], at: int, seeds: int, estimator: str) -> _Middle:
    found = [find(list(scenarios(seed))[at], seed, estimator) for seed in range(seeds)]
    return _Middle(
        statistics.median(each.ari for each in found),
        min(each.ari for each in found),
        statistics.median(each.purity for each in found),
        min(each.kept for each in found),
        statistics.median(each.batch for each in found),
        statistics.median(each.dense for each in found),
    )
