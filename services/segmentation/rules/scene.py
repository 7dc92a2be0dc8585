"""What rules are evaluated for: a profile, and what was found in it so far, once however many rules ask for it."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from services.segmentation.rules.outputs import SILENT
from services.segmentation.rules.strands import NOTHING, Column, Strand

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.segmentation.intervals import Intervals
    from services.segmentation.profile import Profile
    from services.segmentation.rules.leaves import Leaf
    from services.segmentation.rules.outputs import Outputs, Steps
    from services.segmentation.rules.residual import Residual


class Scene:
    """Calendar days begin by the clocks of `zone`; what models say is what `outputs` tell."""

    __slots__ = ("_said", "columns", "found", "outputs", "profile", "segments", "zone")

    def __init__(
        self,
        profile: Profile,
        zone: tzinfo = UTC,
        segments: dict[str, Residual] | None = None,
        outputs: Outputs = SILENT,
    ) -> None:
        self.profile, self.zone, self.outputs = profile, zone, outputs
        self.segments = {} if segments is None else segments
        """When the rules of segments hold that others are composed of, as far as they were evaluated."""
        self.found: dict[Leaf, Intervals | None] = {}
        """When leaves hold, as far as they were evaluated."""
        self.columns: dict[Strand, Column] = {}
        self._said: dict[str, Steps] = {}

    def moments(self, leaf: Leaf) -> Intervals:
        """When a leaf holds; to be clipped at `profile.latest_ms`, before which the answer means nothing."""
        found = self.found.get(leaf)
        if found is None:
            found = self.found[leaf] = leaf.evaluate(self)
        return found

    def segment(self, segment_id: str, evaluate: Callable[[Scene], Residual]) -> Residual:
        """When the rule of a segment holds that another is composed of."""
        found = self.segments.get(segment_id)
        if found is None:
            found = self.segments[segment_id] = evaluate(self)
        return found

    def said(self, model: str) -> Steps:
        """What a model says, from the profile's latest event on."""
        found = self._said.get(model)
        if found is None:
            found = self._said[model] = self.outputs.steps(self, model)
        return found

    def column(self, strand: Strand) -> Column:
        """The events of a strand. Who asks changes nothing in it."""
        found = self.columns.get(strand)
        if found is None:
            log = self.profile.types.get(strand.type)
            entries = strand.of(log.entries) if log else ()
            found = self.columns[strand] = Column(entries) if entries else NOTHING
        return found
