"""Makes the tree of a rule: what each condition finds at a moment, and when that changes next."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce

from services.segmentation.catalog import Catalog, Ready
from services.segmentation.explanation.claims import Plain, claimed
from services.segmentation.explanation.readings import reading
from services.segmentation.explanation.sooner import sooner
from services.segmentation.explanation.tree import Composed, Group, Leaf, Node
from services.segmentation.intervals import ALWAYS, NEVER, Intervals, complement, contains, intersection, union
from services.segmentation.rules import nodes
from services.segmentation.rules.evaluate import evaluator
from services.segmentation.rules.request import Facts, Question, answer
from services.segmentation.rules.residual import Residual, settle
from services.segmentation.rules.scene import Scene

MAX_DEPTH = 60
"""Levels of a tree below which no other segment's tree begins: a rule adds some forty at most."""
MAX_SEGMENTS = 20
"""Segments whose trees an explanation holds: the first ones named."""


def settled(ready: Ready, residual: Residual, facts: Facts) -> Intervals:
    """When a segment holds for the request that tells `facts`."""
    answers = [answer(question, facts) for question in ready.questions]
    return settle(residual, answers.__getitem__)


class Teller:
    """Tells of one segment, and of those that it is composed of: each the first time that it is named."""

    def __init__(self, catalog: Catalog, segment_id: str, scene: Scene, facts: Facts) -> None:
        self._catalog, self._segment_id, self._facts = catalog, segment_id, facts
        self._scene = Scene(scene.profile, scene.zone, outputs=scene.outputs)
        self._moments = self._evaluated()
        self._shown = {segment_id}

    def tree(self) -> Node:
        node, _ = self._node(self._catalog.segments[self._segment_id].rule, 0)
        return node

    def _evaluated(self) -> dict[str, Intervals]:
        """When each of the segments holds."""
        found: dict[str, Residual] = {}
        scene = Scene(self._scene.profile, self._scene.zone, found, self._scene.outputs)
        for each in self._catalog.with_parts([self._segment_id]):
            found[each.segment.id] = each.moments(scene)
        return {name: settled(self._catalog.ready[name], each, self._facts) for name, each in found.items()}

    def _node(self, condition: nodes.Condition, depth: int) -> tuple[Node, Intervals]:
        """The node, and when it holds from the latest event on."""
        match condition:
            case nodes.And(operands) | nodes.Or(operands):
                return self._group(condition, operands, depth)
            case nodes.Not(operand):
                return self._group(condition, (operand,), depth)
            case nodes.InSegment():
                return self._composed(condition, depth)
        return self._leaf(condition)

    def _group(
        self, condition: nodes.And | nodes.Or | nodes.Not, operands: Sequence[nodes.Condition], depth: int
    ) -> tuple[Node, Intervals]:
        children = [self._node(operand, depth + 1) for operand in operands]
        parts = [moments for _, moments in children]
        match condition:
            case nodes.And():
                moments = reduce(intersection, parts, ALWAYS)
            case nodes.Or():
                moments = reduce(union, parts, NEVER)
            case nodes.Not():
                moments = complement(parts[0])
        return Group(condition, *self._now(moments), tuple(node for node, _ in children)), moments

    def _composed(self, condition: nodes.InSegment, depth: int) -> tuple[Node, Intervals]:
        segment, moments = self._catalog.segments[condition.segment_id], self._moments[condition.segment_id]
        tree = None
        if segment.id not in self._shown and len(self._shown) <= MAX_SEGMENTS and depth <= MAX_DEPTH:
            self._shown.add(segment.id)
            tree, _ = self._node(segment.rule, depth + 1)
        return Composed(condition, *self._now(moments), segment.definition.name, tree), moments

    def _leaf(self, leaf: Plain) -> tuple[Node, Intervals]:
        claim = claimed(leaf)
        if isinstance(claim.term, nodes.Request):
            assert isinstance(leaf, Question)
            moments: Residual = ALWAYS if answer(leaf, self._facts) else NEVER
        else:
            moments = evaluator(leaf)(self._scene)
        assert isinstance(moments, tuple)
        holds, changes_at_ms = self._now(moments)
        found = reading(claim, leaf, self._scene, self._facts)
        what = sooner(leaf, found, self._scene, self._facts.at_ms, holds=holds)
        return Leaf(leaf, holds, changes_at_ms, found, what), moments

    def _now(self, moments: Intervals) -> tuple[bool, int | None]:
        """Whether it holds, and the next moment at which that changes."""
        later = moments[bisect_right(moments, self._facts.at_ms) :]
        return contains(moments, self._facts.at_ms), later[0] if later else None
