"""Anomaly detectors: River's half-space trees over the scaled features.

The trees are made with the first sample, by chance that follows from the seed, and stay; then only masses change.
"""

from collections.abc import Mapping
from typing import Any

from river import anomaly

from services.segmentation.models.definition import Parameter
from services.segmentation.models.scaling import LIMIT, Scaled
from services.segmentation.models.snapshots import Knots, Trees
from services.segmentation.training.river.catalogue import Settings, settings
from services.segmentation.training.river.points import point, readable

State = dict[str, Any]
"""What JSON holds, and brings back as it was."""


class Detector:
    """River's HalfSpaceTrees, within the limits that scaled features have."""

    def __init__(self, known: Settings, dimensions: int) -> None:
        self._dimensions = dimensions
        self._river: Any = anomaly.HalfSpaceTrees(**known, limits=dict.fromkeys(range(dimensions), (-LIMIT, LIMIT)))

    @property
    def window(self) -> int:
        """Samples after which what was counted in them becomes what is told."""
        return int(self._river.window_size)

    def learn(self, scaled: Scaled) -> None:
        """Raises ValueError of one that is too long, too short or not finite, and changes nothing."""
        self._river.learn_one(point(scaled, self._dimensions))

    def trees(self, curve: Knots) -> Trees:
        """As a snapshot holds them, with this curve; before the first window is over all masses are 0."""
        levels = list(map(_by_level, self._river.trees))
        return Trees(
            height=self._river.height,
            size_limit=self._river.size_limit,
            features=tuple(tuple(node.feature for node in _asking(nodes)) for nodes in levels),
            thresholds=tuple(tuple(node.threshold for node in _asking(nodes)) for nodes in levels),
            masses=tuple(tuple(float(node.r_mass) for node in nodes) for nodes in levels),
            curve=curve,
        )

    def state(self) -> State:
        return {
            "dimensions": self._dimensions,
            "counted": self._river.counter,
            "windows": int(not self._river._first_window),
            "trees": [_row(_by_level(tree)) for tree in self._river.trees],
        }

    def restore(self, state: State) -> None:
        if state["trees"]:
            self.learn((0.0,) * self._dimensions)
        self._river.counter, self._river._first_window = int(state["counted"]), not int(state["windows"])
        for tree, row in zip(self._river.trees, state["trees"], strict=True):
            _set(_by_level(tree), row)


def start(name: str, parameters: Mapping[str, Parameter], dimensions: int) -> Detector:
    """One that has learned nothing. Raises BadParameters."""
    return Detector(settings("detector", name, parameters), dimensions)


def restore(name: str, parameters: Mapping[str, Parameter], state: State) -> Detector:
    """The one of which `state` is, to the last number. Raises ValueError where it is not a state."""
    with readable():
        restored = start(name, parameters, int(state["dimensions"]))
        restored.restore(state)
    return restored


Nodes = list[Any]
"""Branches, then leaves."""


def _by_level(tree: Any) -> Nodes:
    nodes: Nodes = [tree]
    for node in nodes:
        nodes += getattr(node, "children", ())
    return nodes


def _asking(nodes: Nodes) -> Nodes:
    """The inner ones of a complete tree."""
    return nodes[: len(nodes) // 2]


def _row(nodes: Nodes) -> list[list[float]]:
    asking = _asking(nodes)
    return [
        [node.feature for node in asking],
        [node.threshold for node in asking],
        [node.r_mass for node in nodes],
        [node.l_mass for node in nodes],
    ]


def _set(nodes: Nodes, row: list[list[float]]) -> None:
    features, thresholds, settled, counted = row
    for node, feature, threshold in zip(_asking(nodes), features, thresholds, strict=True):
        node.feature, node.threshold = int(feature), float(threshold)
    for node, mass, count in zip(nodes, settled, counted, strict=True):
        node.r_mass, node.l_mass = int(mass), int(count)
