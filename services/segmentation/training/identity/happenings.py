"""What is told of clusters when a version takes the place of another. Nothing is decided here.

A cluster that is no longer there was merged if most of its people have gone to one other, or are counted to it now and
are still enough for a cluster and half of the most that it had; else it faded. A new one was split off if most of its
people were in one that is still there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from services.segmentation.models.snapshots import Happening
from services.segmentation.training.identity.folding import Heads
from services.segmentation.training.identity.stakes import Stakes


class Chronicle:
    """From the places of `known` to a version in which `ids` are the clusters by centre."""

    def __init__(self, known: Stakes, heads: Heads, ids: Sequence[str], gone_to: Mapping[str, str]) -> None:
        self._known, self._ids, self._gone_to = known, ids, gone_to
        self._heads = {ids[head]: head for head in heads.values()}
        self._before = {place.id for place in known.places}

    @property
    def lost(self) -> list[str]:
        """The clusters that are no longer there."""
        return _in_order(self._before - self._heads.keys())

    def happenings(self, version: int, at_ms: int, gone: Collection[str], enough: float) -> Iterator[Happening]:
        """Those that came, then those that went. `gone` were there once, `enough` users are enough to stay."""
        for cluster in _in_order(self._heads.keys() - self._before):
            origin = self._known.came_from(self._heads[cluster])
            if cluster in gone:
                yield Happening(version, at_ms, "returned", cluster)
            elif origin in self._heads:
                yield Happening(version, at_ms, "split", cluster, (origin,))
            else:
                yield Happening(version, at_ms, "appeared", cluster)
        heirs = {cluster: self._heir(cluster, enough) for cluster in self.lost}
        for heir in _in_order({heir for heir in heirs.values() if heir}):
            yield Happening(version, at_ms, "merged", heir, tuple(each for each in heirs if heirs[each] == heir))
        yield from (Happening(version, at_ms, "faded", cluster) for cluster, heir in heirs.items() if not heir)

    def _heir(self, cluster: str, enough: float) -> str | None:
        """The cluster in which most of another's people are now."""
        if self._gone_to.get(cluster) in self._heads:
            return self._gone_to[cluster]
        people, core = self._known.people(cluster), self._known.core(cluster)
        for heir in self._heads:
            users = sum(int(count) for count, owner in zip(people, self._ids, strict=True) if owner == heir)
            if 2 * users > people.sum() >= max(enough, core.users / 2):
                return heir
        return None


def _in_order(clusters: Collection[str]) -> list[str]:
    """By their numbers: c2 before c10."""
    return sorted(clusters, key=lambda cluster: int(cluster[1:]))
