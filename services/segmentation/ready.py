"""Segments made ready to be evaluated, each together with those that it is composed of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.segmentation.anatomy import conditions_in
from services.segmentation.rules.evaluate import Compiled, Evaluator, compiled
from services.segmentation.rules.leaves import Leaf, Leaves
from services.segmentation.rules.request import Question, questions
from services.segmentation.segment import Segment


@dataclass(frozen=True)
class Ready:
    """A segment together with those that it is composed of, ready to be evaluated."""

    segment: Segment
    version: int
    """The catalog's at the last edit of the segment or of anything that it is composed of."""
    asks: bool
    """Whether anything in it asks the ad request."""
    parts: Mapping[str, "Ready"]
    levels: int
    """Of segments within segments; 1 where it is composed of none."""
    shared: Leaves
    """The leaves that all rules share."""
    told: Mapping[str, int]
    """By model that its own rule names, the catalog's version since which that says what it does."""

    @cached_property
    def retold(self) -> int:
        """The catalog's version since which all models say what they do that it depends on; 0 where there is none."""
        return max([0, *self.told.values(), *(part.retold for part in self.parts.values())])

    @cached_property
    def conditions(self) -> int:
        """On the request, counted as often as an expression would hold them."""
        if not self.asks:
            return 0
        return conditions_in(self.segment.rule, {name: part.conditions for name, part in self.parts.items()})

    @cached_property
    def questions(self) -> Sequence[Question]:
        """What it asks the request, in the order in which the residual numbers it."""
        return questions(self.segment.rule, self._asked) if self.asks else ()

    @property
    def moments(self) -> Evaluator:
        """When the rule holds, from the profile's latest event on."""
        return self._compiled.moments

    @property
    def leaves(self) -> Sequence[Leaf]:
        """What its own rule reads of a profile."""
        return self._compiled.leaves

    @property
    def required(self) -> frozenset[Leaf]:
        """Those of the leaves without which the rule never holds."""
        return self._compiled.required

    def is_made_of(self, segment: Segment, parts: Mapping[str, "Ready"], told: Mapping[str, int]) -> bool:
        if self.segment is not segment or self.told != told:
            return False
        return all(self.parts[used] is part for used, part in parts.items())

    def asks_as(self, other: "Ready") -> bool:
        """Whether both ask the same of a profile, whatever models say."""
        return self.segment is other.segment and list(self.leaves) == list(other.leaves)

    @cached_property
    def _compiled(self) -> Compiled:
        return compiled(self.segment.rule, self.parts, self.shared)

    @property
    def _asked(self) -> Mapping[str, Sequence[Question]]:
        return {segment_id: part.questions for segment_id, part in self.parts.items()}


def made_ready(segment: Segment, parts: Mapping[str, Ready], shared: Leaves, told: Mapping[str, int]) -> Ready:
    version = max([segment.version, *(part.version for part in parts.values())])
    levels = 1 + max((part.levels for part in parts.values()), default=0)
    asks = segment.asks or any(part.asks for part in parts.values())
    return Ready(segment, version, asks, parts, levels, shared, told)
