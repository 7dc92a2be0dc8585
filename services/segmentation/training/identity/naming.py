"""What clusters are called, from one version to the next: what is decided beside is put together here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Self

from services.segmentation.models.samples import Vector
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Clusters
from services.segmentation.training.identity.folding import Heads, first_rows, folded, led
from services.segmentation.training.identity.halves import made_whole
from services.segmentation.training.identity.happenings import Chronicle
from services.segmentation.training.identity.matching import matched
from services.segmentation.training.identity.memory import Memory
from services.segmentation.training.identity.parting import joined, parted
from services.segmentation.training.identity.places import View, remembered
from services.segmentation.training.identity.predecessor import taken_over
from services.segmentation.training.identity.stakes import Stakes, stakes
from services.segmentation.training.identity.valleys import depths

NOWHERE: Final[Mapping[str, str]] = MappingProxyType({})
HYSTERESIS = 0.5
"""A cluster with a name keeps it with this part of the users that it takes to get one."""


class Identity:
    """The memory of which names were given, and to whom."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def name(
        self,
        centres: Sequence[Scaled],
        power: float,
        scale: Scale,
        rows: Sequence[Vector],
        minimum_share: float,
        version: int,
        at_ms: int,
        gone_to: Mapping[str, str] = NOWHERE,
    ) -> Clusters:
        """The clusters of the next version: an id for every centre, in their order, without facts and moves.

        `rows` are the features of the users of the panel, not scaled; the centres are in `scale`. A centre that
        fewer of them are nearest to than `minimum_share` stands for another cluster, so an id may be there several
        times. `gone_to` tells to which cluster most people of another went. Raises ValueError of centres not finite.
        """
        view = View(centres, power, scale, rows)
        known = stakes(view, self._memory.places, self._memory.gone)
        share = minimum_share * view.everybody
        heads, names = self._grouped(view, known, share)
        ids = self._ids(heads, names, first_rows(view, heads))
        chronicle = Chronicle(known, heads, ids, gone_to)
        told = chronicle.happenings(version, at_ms, {place.id for place in self._memory.gone}, HYSTERESIS * share)
        cores = {ids[leader]: leader for leader in led(view, heads).values()}
        places = remembered(view, cores, ids, self._memory.homes.values())
        self._memory = self._memory.told(told).at(places, depths(view, cores))
        return self._clusters(view, centres, ids)

    @classmethod
    def after(cls, clusters: Clusters, scale: Scale, rows: Sequence[Vector]) -> Self:
        """As if these clusters had been named just now, when `rows` were the users of the panel."""
        return cls(taken_over(clusters, scale, rows))

    def state(self) -> dict[str, Any]:
        """What JSON holds, and brings back as it was."""
        return self._memory.state()

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        return cls(Memory.restore(state))

    def _grouped(self, view: View, known: Stakes, share: float) -> tuple[Heads, Mapping[int, str]]:
        """By centre its head, and the names of centres that have one; `share` is the users that a cluster needs."""
        least_users = max(share, min(view.everybody, 1))
        valleys = self._memory.valleys
        names = matched(view, known, self._memory.gone, least_users)
        cores = {name: centre for centre, name in names.items() if name in self._memory.in_use}
        heads = parted(view, cores, known, valleys, least_users)
        heads = joined(view, heads, cores, known, valleys)
        heads = made_whole(view, heads, cores, known)
        kept = cores.values()
        enough = {head: HYSTERESIS * share if head in kept else least_users for head in heads.values()}
        return folded(view, heads, enough), names

    def _ids(self, heads: Heads, names: Mapping[int, str], rows: Mapping[int, int]) -> Sequence[str]:
        """By centre. New clusters are numbered on, in the order of their first users: by size a few odd users more or
        less would change the numbers of groups that are alike."""
        new = sorted(rows.keys() - names.keys(), key=lambda head: (rows[head], head))
        ids = dict(names) | {head: f"c{number}" for number, head in enumerate(new, self._memory.next_id)}
        return [ids[heads[centre]] for centre in sorted(heads)]

    def _clusters(self, view: View, centres: Sequence[Scaled], ids: Sequence[str]) -> Clusters:
        return Clusters(
            centres=tuple(centres),
            ids=tuple(ids[view.centres.index(centre)] for centre in centres),
            power=view.power,
            happenings=self._memory.happenings,
            retired=(*self._memory.retired, *(place.id for place in self._memory.gone)),
            next_id=self._memory.next_id,
        )
