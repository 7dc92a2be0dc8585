"""What every training can, whatever the kind of model."""

from typing import Any, Protocol

from services.segmentation.models.samples import Told
from services.segmentation.models.snapshots import Snapshot

State = dict[str, Any]
"""What JSON holds, and brings back as it was."""
FEWEST = 10
"""Samples from which on a snapshot can be made before the warm-up is over."""


class Training(Protocol):
    """Takes samples one by one, in their order; whatever follows from chance follows from the definition's seed."""

    @property
    def samples(self) -> int:
        """How many it has taken."""

    @property
    def is_due(self) -> bool:
        """Whether enough was learned since the last snapshot for the next one."""

    def learn(self, told: Told) -> None:
        """Take one more. A vector that is not as long as the definition's features raises ValueError and changes
        nothing."""

    def publish(self, *, early: bool = False) -> Snapshot | None:
        """The next version; None before the warm-up is over, or when `early` before there are `FEWEST` samples."""

    def state(self) -> State:
        """All of it; `opening.resume` goes on from there to the same snapshots, number for number."""
