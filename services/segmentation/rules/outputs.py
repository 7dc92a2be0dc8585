"""What models say of a user, as far as rules know of it: a step function of time, from the latest event on.

How a model comes to say it is in the room `models`; what a comparison with it means is in `said.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from services.segmentation.intervals import START

if TYPE_CHECKING:
    from services.segmentation.rules import nodes
    from services.segmentation.rules.scene import Scene

Output = str | float | tuple[int, int, int] | None
"""A cluster's id, a score, or the classes of recency, frequency and value; None where nothing can be said."""
Steps = Sequence[tuple[int, Output]]
"""What a model says from each moment to the next; they rise, and the first is START."""
NOTHING: Steps = ((START, None),)


class Outputs(Protocol):
    """The models that there are."""

    def steps(self, scene: Scene, model: str) -> Steps:
        """What a model says of a user, if nothing else happens; `NOTHING` where there is no such model."""

    def terms(self, model: str) -> Sequence[nodes.Term | nodes.Condition]:
        """What it measures."""


class _Silent:
    """No models."""

    def steps(self, _scene: Scene, _model: str) -> Steps:
        return NOTHING

    def terms(self, _model: str) -> Sequence[nodes.Term | nodes.Condition]:
        return ()


SILENT: Outputs = _Silent()
