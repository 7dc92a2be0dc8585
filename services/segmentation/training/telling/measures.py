"""A feature as it is told of: the rule term that it measures, in that term's own unit."""

import math
from typing import NamedTuple

from services.segmentation.rules import nodes

_MINUTES_A_DAY = 24 * 60


class Measure(NamedTuple):
    name: str
    node: nodes.Term | nodes.Condition

    def plain(self, feature: float) -> float:
        """What the feature stands for: events, days, a part from 0 to 1."""
        if isinstance(self.node, nodes.Share | nodes.Condition):
            return feature
        number = math.copysign(math.expm1(abs(feature)), feature)
        return number / _MINUTES_A_DAY if isinstance(self.node, nodes.TimeTerm) else number
