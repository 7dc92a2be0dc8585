"""A feature as it is told of: the rule term that it measures, in that term's own unit."""

import math
from collections.abc import Iterable
from typing import NamedTuple, Self

from services.segmentation.models.features import NEVER_DAYS
from services.segmentation.rules import nodes
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.parse import parse_feature

_MINUTES_A_DAY = 24 * 60
_NO_TIME_DAYS = NEVER_DAYS / 2
"""Nothing is remembered for so long: a greater age stands for never."""


class Measure(NamedTuple):
    name: str
    node: nodes.Term | nodes.Condition

    @classmethod
    def of(cls, name: str, text: str, values: Iterable[float | None]) -> Self:
        """Of a feature as the definition has it, and what was measured. What is true or false is told as a condition.

        What no rule term can be read from is told by its name: to tell of a cluster is no reason to stop a training.
        """
        try:
            node = parse_feature(text)
        except RuleError:
            node = nodes.Trait(name)
        if isinstance(node, nodes.Trait | nodes.Last) and all(_is_flag(value) for value in values):
            node = nodes.Holds(node)
        return cls(name, node)

    @property
    def is_part(self) -> bool:
        """Whether it is from 0 to 1: a share, or the part of the users who fulfil a condition."""
        return isinstance(self.node, nodes.Share | nodes.Condition)

    @property
    def is_age(self) -> bool:
        """Whether it is days."""
        return isinstance(self.node, nodes.TimeTerm)

    @property
    def may_be_never(self) -> bool:
        """Whether it is days of which `NEVER_DAYS` are no time at all."""
        return isinstance(self.node, nodes.Since | nodes.Sequence)

    def plain(self, feature: float) -> float:
        """What the feature stands for: events, days, a part from 0 to 1."""
        if self.is_part:
            return feature
        number = math.copysign(math.expm1(abs(feature)), feature)
        return number / _MINUTES_A_DAY if self.is_age else number


def is_never(days: float) -> bool:
    """Whether an age stands for what never was."""
    return days >= _NO_TIME_DAYS


def _is_flag(value: float | None) -> bool:
    return value is None or math.isnan(value) or value in (0.0, 1.0)
