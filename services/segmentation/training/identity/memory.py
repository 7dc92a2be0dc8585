"""What is remembered of clusters from one version to the next, and nothing else is. All of it is bounded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Happening
from services.segmentation.training.identity.places import Place, place_in, row_of
from services.segmentation.training.identity.valleys import Depth, Pair

MOST_GONE = 64
"""Clusters that are remembered when they are gone, the latest."""
MOST_HAPPENINGS = 200


@dataclass(frozen=True)
class Memory:
    places: tuple[Place, ...] = ()
    """Of the latest version, in the order of their centres."""
    homes: Mapping[str, Place] = field(default_factory=dict)
    """By cluster in use, where it was when it last lay clear of those of which it had been clear."""
    gone: tuple[Place, ...] = ()
    """The homes of those that are not in use any more."""
    valleys: frozenset[Pair] = frozenset()
    """The clusters in use that were clear of each other at any time."""
    happenings: tuple[Happening, ...] = ()
    retired: tuple[str, ...] = ()
    """Clusters of which not even the place is known any more: those that were gone under an earlier definition."""
    next_id: int = 1

    @property
    def in_use(self) -> frozenset[str]:
        return frozenset(place.id for place in self.places)

    def at(self, places: tuple[Place, ...], depths: Mapping[Pair, Depth]) -> Self:
        """What is remembered of the next version, but for its happenings."""
        ids = {place.id for place in places}
        clear = {pair for pair in depths if depths[pair].is_clear}
        crowded = {each for pair in (self.valleys & depths.keys()) - clear for each in pair}
        here = {place.id: place for place in places if place.is_core}
        gone = [place for place in (*self.gone, *self.homes.values()) if place.id not in ids]
        return replace(
            self,
            places=places,
            homes={each: self.homes.get(each, here[each]) if each in crowded else here[each] for each in here},
            gone=tuple(gone[-MOST_GONE:]),
            valleys=frozenset(pair for pair in self.valleys | clear if ids.issuperset(pair)),
            next_id=max([self.next_id, *(int(each[1:]) + 1 for each in ids)]),
        )

    def told(self, happenings: Iterable[Happening]) -> Self:
        return replace(self, happenings=(*self.happenings, *happenings)[-MOST_HAPPENINGS:])

    def state(self) -> dict[str, Any]:
        """What JSON holds, and brings back as it was."""
        scales = list(dict.fromkeys(place.scale for place in (*self.places, *self.homes.values(), *self.gone)))
        return {
            "scales": [[list(scale.means), list(scale.deviations)] for scale in scales],
            "places": _rows(self.places, scales),
            "homes": _rows(self.homes.values(), scales),
            "gone": _rows(self.gone, scales),
            "valleys": [list(pair) for pair in sorted(self.valleys)],
            "happenings": [[*happening[:-1], list(happening.others)] for happening in self.happenings],
            "retired": list(self.retired),
            "next_id": self.next_id,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        scales = [Scale(tuple(means), tuple(deviations)) for means, deviations in state["scales"]]
        return cls(
            places=_places(state["places"], scales),
            homes={place.id: place for place in _places(state["homes"], scales)},
            gone=_places(state["gone"], scales),
            valleys=frozenset((one, other) for one, other in state["valleys"]),
            happenings=tuple(
                Happening(version, at_ms, what, cluster, tuple(others))
                for version, at_ms, what, cluster, others in state["happenings"]
            ),
            retired=tuple(state["retired"]),
            next_id=state["next_id"],
        )


def _rows(places: Iterable[Place], scales: Sequence[Scale]) -> list[list[Any]]:
    return [row_of(place, scales) for place in places]


def _places(rows: Sequence[Sequence[Any]], scales: Sequence[Scale]) -> tuple[Place, ...]:
    return tuple(place_in(row, scales) for row in rows)
