"""Rule text to nodes. Everything that decides whether a condition is well formed lives here; comparisons are in
`comparisons.py`, terms in `terms.py`.

The syntax is Python's, read into a tree and never run. Whatever is not named here is refused.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from services.segmentation.keep import CONTEXT, KEEP_ALL, KeepList
from services.segmentation.rules import nodes
from services.segmentation.rules.comparisons import Comparison
from services.segmentation.rules.foreign import foreign
from services.segmentation.rules.nearest import did_you_mean
from services.segmentation.rules.request import HOUR, WEEKDAY
from services.segmentation.rules.source import Source
from services.segmentation.rules.terms import read_term, refuse_word
from services.segmentation.rules.vocabulary import NO_MODELS, ModelKinds, Vocabulary

MAX_DEPTH = 40
MAX_LEAVES = 200

_A_CONDITION = 'a comparison such as count("purchase") >= 1, joined by and, or, not'
_OF_PROFILES = 'a term about what the user did, such as count("purchase", within="30d")'
_OF_MODELS = "what models say is not learned from by models"
_UNMEASURED: Mapping[str, str | None] = {
    "segment": "a model takes segments in among and seed, not in its features",
    "listed": "lists are not learned from; a trait can say the same",
    "request": None,
    "cluster": _OF_MODELS,
    "score": _OF_MODELS,
    "rfm": _OF_MODELS,
}
"""Terms that no feature can have, each with a hint."""


def parse(
    rule: str,
    keep: KeepList = KEEP_ALL,
    object_to_segment: Callable[[str], str | None] = lambda _: None,
    models: ModelKinds = NO_MODELS,
) -> nodes.Rule:
    """Read a rule. Raises RuleError, also for a property that `keep` does not hold.

    `object_to_segment` is asked about the id of each segment that the rule names: what would be right instead, and
    after `; ` a hint? `models` are those that it may name.
    """
    source = Source(rule)
    return _Parser(source, Vocabulary(keep, object_to_segment, models)).rule(source.tree())


def parse_feature(text: str, keep: KeepList = KEEP_ALL) -> nodes.Term | nodes.Condition:
    """Read what a model measures: a term, or a condition, which is true or not. Raises RuleError.

    Only what profiles tell by themselves can be measured: neither the ad request nor groups of users.
    """
    source, known = Source(text), Vocabulary(keep)
    tree = source.tree()
    _refuse_unmeasured(source, known, tree)
    if isinstance(tree, ast.Call):
        return read_term(source, known, tree)
    return _Parser(source, known).rule(tree)


@dataclass(frozen=True, slots=True)
class _Parser:
    source: Source
    known: Vocabulary

    def rule(self, tree: ast.expr) -> nodes.Rule:
        condition = self.condition(tree, 0)
        if sum(1 for _ in nodes.leaves(condition)) > MAX_LEAVES:
            self.source.refuse(tree, f"at most {MAX_LEAVES} comparisons in a rule", "more")
        return condition

    def condition(self, node: ast.expr, depth: int) -> nodes.Condition:
        if depth > MAX_DEPTH:
            self.source.refuse(node, f"at most {MAX_DEPTH} levels of and, or, not", "more")
        match node:
            case ast.BoolOp(ast.And(), values):
                return nodes.And(tuple(self.condition(value, depth + 1) for value in values))
            case ast.BoolOp(_, values):
                self._check_alternatives(values)
                return nodes.Or(tuple(self.condition(value, depth + 1) for value in values))
            case ast.UnaryOp(ast.Not(), operand):
                return nodes.Not(self.condition(operand, depth + 1))
            case ast.Compare():
                return self._chain(node)
            case ast.Call():
                return self._bare(node)
        self._refuse(node)

    def _bare(self, node: ast.Call) -> nodes.Condition:
        term = read_term(self.source, self.known, node)
        if isinstance(term, nodes.InSegment | nodes.Listed):
            return term
        if isinstance(term, nodes.Trait | nodes.Last | nodes.Sequence):
            return nodes.Holds(term)
        self.source.refuse(node, f"a comparison after it, such as {_example(term)}", f"{self.source.quote(node)} alone")

    def _chain(self, node: ast.Compare) -> nodes.Condition:
        steps = zip(pairwise([node.left, *node.comparators]), node.ops, strict=True)
        pairs = tuple(
            Comparison(self.source, self.known, left, operator, right).read() for (left, right), operator in steps
        )
        return pairs[0] if len(pairs) == 1 else nodes.And(pairs)

    def _check_alternatives(self, values: Sequence[ast.expr]) -> None:
        """Refuse a constant after `or` as what it was meant for: one more value of the comparison before it."""
        for before, value in pairwise(values):
            match before, value:
                case ast.Compare(left, [ast.Eq()], [ast.Constant() as first]), ast.Constant():
                    self.condition(before, 0)
                    one_of = f"[{self.source.quote(first)}, {self.source.quote(value)}]"
                    hint = did_you_mean(f"{self.source.quote(left)} in {one_of}")
                    self.source.refuse(value, "a whole comparison after or", hint=hint)

    def _refuse(self, node: ast.expr) -> NoReturn:
        if isinstance(node, ast.Name):
            refuse_word(self.source, self.known, node)
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            self.source.refuse(self.source.between(*node.elts[:2]), "and or or between two conditions")
        complaint = foreign(self.source, node)
        if complaint is not None:
            raise self.source.error(complaint)
        self.source.refuse(node, _A_CONDITION)


def _example(term: nodes.Term) -> str:
    """A comparison that fits a term."""
    match term:
        case nodes.Since() | nodes.Tenure() | nodes.Sequence():
            return '< "7d"'
        case nodes.Request():
            return '== "mobile"'
        case nodes.Cluster():
            return '== "c3"'
        case nodes.Score():
            return ">= 0.95"
        case nodes.Rfm():
            return ">= 4"
    return ">= 1"


def _refuse_unmeasured(source: Source, known: Vocabulary, tree: ast.expr) -> None:
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(name)) if name in _UNMEASURED:
                hint = _UNMEASURED[name] or _instead_of_request(known, node)
                source.refuse(node, _OF_PROFILES, hint=hint)


def _instead_of_request(known: Vocabulary, node: ast.Call) -> str:
    """What the user's events tell of the same, if they do."""
    match node.args:
        case [ast.Constant(str(path))] if path not in (HOUR, WEEKDAY) and CONTEXT + path in known.keep:
            return f'did you mean last("{path}")?'
    return "a model learns without any ad request"
