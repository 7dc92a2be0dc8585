"""Half-space trees made ready to be asked for many users: they say exactly what `prediction.unusual` says, only sooner.

What nobody reaches is left out, and each leaf has the mass of its whole way, which is the same for all who come there.
"""

from collections.abc import Callable, Sequence

from services.segmentation.models.snapshots import Trees

_Node = tuple[int, float, "tuple[_Node, _Node] | tuple[()]"]
"""The feature that it asks, the threshold, what is below and above it; a leaf has the mass down to it, and no sides."""


def unusual_by_walk(trees: Trees) -> Callable[[Sequence[float]], float]:
    """Of scaled features."""
    roots = [_grown(trees, tree, 0, 0, 0.0) for tree in range(len(trees.masses))]

    def find(scaled: Sequence[float]) -> float:
        totals = []
        for root in roots:
            feature, at, sides = root
            while sides:
                feature, at, sides = sides[1] if scaled[feature] >= at else sides[0]
            totals.append(at)
        return -sum(totals)

    return find


def _grown(trees: Trees, tree: int, node: int, depth: int, above: float) -> _Node:
    mass = trees.masses[tree][node]
    total = above + mass * 2.0**depth
    if depth == trees.height or mass < trees.size_limit:
        return 0, total, ()
    left, right = (_grown(trees, tree, 2 * node + side, depth + 1, total) for side in (1, 2))
    return trees.features[tree][node], trees.thresholds[tree][node], (left, right)
