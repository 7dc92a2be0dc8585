"""A rule made ready to be evaluated: its leaves joined by and, or, not. Made once, evaluated for any scene.

What a leaf says is in `leaves.py`; what depends on the ad request stays an expression (`residual.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.segmentation.intervals import ALWAYS, NEVER, intersection, union
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import Leaf, Leaves
from services.segmentation.rules.request import Question, questions
from services.segmentation.rules.residual import Asked, Residual, both, change, either, negate
from services.segmentation.rules.scene import Scene

Evaluator = Callable[[Scene], Residual]
"""When a rule holds; to be clipped at `profile.latest_ms`, before which the answer means nothing."""


class Part(Protocol):
    """A segment that a rule is composed of."""

    @property
    def questions(self) -> Sequence[Question]:
        """What it asks the request."""

    @property
    def moments(self) -> Evaluator:
        """When its rule holds."""


class Compiled(NamedTuple):
    moments: Evaluator
    leaves: Sequence[Leaf]
    """What it reads of a profile, beside the segments that it is composed of."""
    required: frozenset[Leaf]
    """Those without which it never holds, whatever the others say."""


def evaluator(rule: nodes.Rule) -> Evaluator:
    """That of a rule by itself, which names no segment."""
    return compiled(rule, {}, Leaves()).moments


def compiled(rule: nodes.Rule, parts: Mapping[str, Part], leaves: Leaves) -> Compiled:
    """The rule made ready. The answer numbers its questions to the request as `request.questions` lists them."""
    asked = questions(rule, {segment_id: part.questions for segment_id, part in parts.items()})
    compiler = _Compiler(parts, asked, leaves)
    plain, others = compiler.sorted(nodes.And, [rule])
    return Compiled(_every(plain, others), tuple(compiler.used), frozenset(plain))


@dataclass(frozen=True, slots=True)
class _Compiler:
    parts: Mapping[str, Part]
    asked: Sequence[Question]
    leaves: Leaves
    used: dict[Leaf, None] = field(default_factory=dict)

    def sorted(
        self, node: type[nodes.And | nodes.Or], operands: Iterable[nodes.Condition]
    ) -> tuple[Sequence[Leaf], Sequence[Evaluator]]:
        """The leaves among what is joined by the same word, and the rest: leaves decide most, at the least expense."""
        plain: list[Leaf] = []
        others: list[Evaluator] = []
        for operand in operands:
            if isinstance(operand, node):
                more, rest = self.sorted(node, operand.operands)
                plain += more
                others += rest
            elif _is_plain(operand):
                plain.append(self._leaf(operand))
            else:
                others.append(self._condition(operand))
        return plain, others

    def _condition(self, rule: nodes.Condition) -> Evaluator:
        match rule:
            case nodes.And(operands):
                return _every(*self.sorted(nodes.And, operands))
            case nodes.Or(operands):
                return _any(*self.sorted(nodes.Or, operands))
            case nodes.Not(operand):
                negated = self._condition(operand)
                return lambda scene: negate(negated(scene))
            case nodes.InSegment(segment_id):
                return self._segment(segment_id, self.parts[segment_id])
            case nodes.Compare() | nodes.Member() if not _is_plain(rule):
                asked = Asked(self.asked.index(rule))
                return lambda _: asked
        leaf = self._leaf(rule)
        return lambda scene: scene.moments(leaf)

    def _leaf(self, node: nodes.Condition) -> Leaf:
        assert isinstance(node, nodes.Leaf)
        leaf = self.leaves.of(node)
        self.used[leaf] = None
        return leaf

    def _segment(self, segment_id: str, part: Part) -> Evaluator:
        """The other segment's residual, with its questions numbered as they are here."""
        if not part.questions:
            return lambda scene: scene.segment(segment_id, part.moments)
        numbers = [self.asked.index(question) for question in part.questions]
        return lambda scene: change(
            scene.segment(segment_id, part.moments), lambda moments: moments, numbers.__getitem__
        )


def _is_plain(rule: nodes.Condition) -> bool:
    """Whether the profile alone tells when it holds."""
    if isinstance(rule, nodes.Compare | nodes.Member):
        return not isinstance(nodes.term_of(rule), nodes.Request)
    return isinstance(rule, nodes.Holds | nodes.Listed)


def _every(plain: Sequence[Leaf], others: Sequence[Evaluator]) -> Evaluator:
    if len(plain) == 1 and not others:
        (only,) = plain
        return lambda scene: scene.moments(only)

    def evaluate(scene: Scene) -> Residual:
        held, known = ALWAYS, scene.found
        for leaf in plain:
            held = intersection(held, known.get(leaf) or scene.moments(leaf))
            if not held:
                return held
        found: Residual = held
        for other in others:
            found = both(found, other(scene))
            if not found:
                break
        return found

    return evaluate


def _any(plain: Sequence[Leaf], others: Sequence[Evaluator]) -> Evaluator:
    def evaluate(scene: Scene) -> Residual:
        held = NEVER
        for leaf in plain:
            held = union(held, scene.moments(leaf))
            if held == ALWAYS:
                return held
        found: Residual = held
        for other in others:
            found = either(found, other(scene))
            if found == ALWAYS:
                break
        return found

    return evaluate
