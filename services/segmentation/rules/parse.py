"""Rule text to nodes. Everything that decides whether a condition is well formed lives here; terms are in `terms.py`.

The syntax is Python's, read into a tree and never run. Whatever is not named here is refused.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.rules import nodes
from services.segmentation.rules.literals import duration_ms, literal, literals
from services.segmentation.rules.source import Source
from services.segmentation.rules.terms import read_term

MAX_DEPTH = 40
MAX_LEAVES = 200

_SYMBOLS: dict[type[ast.cmpop], nodes.Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_A_CONDITION = 'a comparison such as count("purchase") >= 1, joined by and, or, not'


def parse(rule: str, keep: KeepList = KEEP_ALL) -> nodes.Rule:
    """Read a rule. Raises RuleError, also for a property that `keep` does not hold."""
    source = Source(rule)
    tree = source.tree()
    parser = _Parser(source, keep)
    condition = parser.condition(tree, 0)
    if sum(1 for _ in leaves(condition)) > MAX_LEAVES:
        source.refuse(tree, f"at most {MAX_LEAVES} comparisons in a rule", "more")
    return condition


def leaves(condition: nodes.Condition) -> Iterator[nodes.Leaf]:
    """The comparisons of a rule, from left to right."""
    match condition:
        case nodes.Not(operand):
            yield from leaves(operand)
        case nodes.And(operands) | nodes.Or(operands):
            for operand in operands:
                yield from leaves(operand)
        case leaf:
            yield leaf


@dataclass(frozen=True, slots=True)
class _Parser:
    source: Source
    keep: KeepList

    def condition(self, node: ast.expr, depth: int) -> nodes.Condition:
        if depth > MAX_DEPTH:
            self.source.refuse(node, f"at most {MAX_DEPTH} levels of and, or, not", "more")
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return nodes.And(tuple(self.condition(value, depth + 1) for value in values))
            case ast.BoolOp(values=values):
                return nodes.Or(tuple(self.condition(value, depth + 1) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return nodes.Not(self.condition(operand, depth + 1))
            case ast.Compare():
                return self._chain(node)
            case ast.Call():
                return self._bare(node)
        self.source.refuse(node, _A_CONDITION)

    def _bare(self, node: ast.Call) -> nodes.Condition:
        term = read_term(self.source, self.keep, node)
        if isinstance(term, nodes.ValueTerm):
            return nodes.Holds(term)
        self.source.refuse(node, "a comparison after it, such as >= 1")

    def _chain(self, node: ast.Compare) -> nodes.Condition:
        steps = zip(pairwise([node.left, *node.comparators]), node.ops, strict=True)
        pairs = tuple(self._pair(node, left, operator, right) for (left, right), operator in steps)
        return pairs[0] if len(pairs) == 1 else nodes.And(pairs)

    def _pair(self, node: ast.Compare, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> nodes.Leaf:
        if isinstance(operator, ast.In | ast.NotIn):
            return self._member(left, right, negated=isinstance(operator, ast.NotIn))
        symbol = _SYMBOLS.get(type(operator))
        if symbol is None:
            self.source.refuse(node, "one of ==, !=, <, <=, >, >=, in, not in", "is")
        first, second = self._operand(left), self._operand(right)
        match first, second:
            case nodes.Literal(), nodes.Literal():
                self.source.refuse(left, 'a term on one side, such as count("purchase")')
            case nodes.Literal(), _:
                first = self._fit(second, first, left)
                self._check_equality(second, symbol, node)
            case _, nodes.Literal():
                second = self._fit(first, second, right)
                self._check_equality(first, symbol, node)
            case _ if not (isinstance(first, nodes.TimeTerm) and isinstance(second, nodes.TimeTerm)):
                self.source.refuse(right, "a constant; only since() and tenure() compare with each other")
        return nodes.Compare(first, symbol, second)

    def _member(self, left: ast.expr, right: ast.expr, *, negated: bool) -> nodes.Leaf:
        term = self._operand(left)
        if isinstance(term, nodes.Literal):
            self.source.refuse(left, 'a term, such as last("device.type")')
        if isinstance(term, nodes.Average):
            self.source.refuse(
                left, "a range such as >= 10; an average is not exact enough for a list", "avg() in a list"
            )
        if not isinstance(right, ast.List):
            self.source.refuse(right, 'a list, such as ["FR", "BE"]')
        constants = zip(right.elts, literals(self.source, right), strict=True)
        return nodes.Member(term, tuple(self._fit(term, constant, node) for node, constant in constants), negated)

    def _operand(self, node: ast.expr) -> nodes.Term | nodes.Literal:
        if isinstance(node, ast.Call):
            return read_term(self.source, self.keep, node)
        if isinstance(node, ast.List):
            self.source.refuse(node, "a term or a constant; a list stands only after `in`")
        if isinstance(node, ast.BinOp):
            self.source.refuse(node, "a term or a constant; there is no arithmetic")
        return literal(self.source, node)

    def _fit(self, term: nodes.Term | nodes.Literal, constant: nodes.Literal, node: ast.expr) -> nodes.Literal:
        """The constant as what `term` compares with."""
        if isinstance(term, nodes.TimeTerm):
            return nodes.Literal("duration", duration_ms(self.source, node))
        if isinstance(term, nodes.NumberTerm) and constant.kind != "number":
            self.source.refuse(node, "a number")
        return constant

    def _check_equality(self, term: nodes.Term | nodes.Literal, symbol: nodes.Operator, node: ast.expr) -> None:
        if isinstance(term, nodes.Average) and symbol in ("==", "!="):
            self.source.refuse(
                node, "a range such as >= 10; an average is not exact enough for this", f"{symbol} on avg()"
            )
