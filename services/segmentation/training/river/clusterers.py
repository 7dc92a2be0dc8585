"""Clusterers: whatever River calls one, it has centres here, and the nearest of them is what it predicts."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from services.segmentation.models.definition import Parameter
from services.segmentation.models.scaling import Scaled
from services.segmentation.training.river.catalogue import settings
from services.segmentation.training.river.dbstream import Dbstream
from services.segmentation.training.river.denstream import Denstream
from services.segmentation.training.river.kmeans import KMeans, StreamKMeans
from services.segmentation.training.river.points import readable

State = dict[str, Any]
"""What JSON holds, and brings back as it was."""


class Clusterer(Protocol):
    power: float
    """Of Minkowski's distance, by which the nearest centre is told."""

    def learn(self, scaled: Scaled) -> None:
        """Raises ValueError of one that is too long, too short or not finite, and changes nothing."""

    def centres(self) -> tuple[Scaled, ...]:
        """Of the clusters as they are now, in River's order; there may be none yet. Asking changes nothing."""

    def renew(self, users: Sequence[Scaled]) -> None:
        """Move the centres to where they serve these users well, so far as that is not how they are learned anyway."""

    def state(self) -> State:
        """All of it; learning on does not change what was given."""


_ADAPTERS: Final[Mapping[str, type[Dbstream | Denstream | KMeans | StreamKMeans]]] = MappingProxyType(
    {"DBSTREAM": Dbstream, "DenStream": Denstream, "KMeans": KMeans, "STREAMKMeans": StreamKMeans}
)


def start(name: str, parameters: Mapping[str, Parameter], warm_up: Sequence[Scaled]) -> Clusterer:
    """One that has learned the warm-up, at least one point. Raises BadParameters."""
    checked = settings("clusterer", name, parameters)
    return _ADAPTERS[name].start(checked, warm_up)


def restore(name: str, parameters: Mapping[str, Parameter], state: State) -> Clusterer:
    """The one of which `state` is, to the last number. Raises ValueError where it is not a state."""
    checked = settings("clusterer", name, parameters)
    with readable():
        return _ADAPTERS[name].restore(checked, state)
