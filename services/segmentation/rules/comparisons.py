"""One comparison: which terms compare with what, and what a constant means beside each."""

import ast
from dataclasses import dataclass
from typing import NoReturn

from services.segmentation.rules import nodes
from services.segmentation.rules.durations import likely_duration
from services.segmentation.rules.foreign import as_list
from services.segmentation.rules.literals import duration_ms, literal, literals
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.request import HOUR, WEEKDAY, WEEKDAYS, weekday_number
from services.segmentation.rules.source import Source
from services.segmentation.rules.terms import read_term, refuse_word
from services.segmentation.rules.vocabulary import Vocabulary

_SYMBOLS: dict[type[ast.cmpop], nodes.Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_INSTEAD: dict[type[ast.cmpop], str] = {ast.Is: "==", ast.IsNot: "!=", ast.Eq: "in", ast.NotEq: "not in"}
"""What was meant by an operator that does not fit: `is` anywhere, `==` before a list."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions and the operator between them."""

    source: Source
    known: Vocabulary
    left: ast.expr
    operator: ast.cmpop
    right: ast.expr

    def read(self) -> nodes.Compare | nodes.Member:
        """What it says. Raises RuleError."""
        if isinstance(self.operator, ast.In | ast.NotIn):
            return self._member()
        symbol = _SYMBOLS.get(type(self.operator))
        if symbol is None:
            self._refuse_is()
        first, second = self._operand(self.left), self._operand(self.right)
        match first, second:
            case nodes.Literal(), nodes.Literal():
                self.source.refuse(self.left, 'a term on one side, such as count("purchase")')
            case nodes.Literal(), _:
                first = self._fit(second, first, self.left)
            case _, nodes.Literal():
                second = self._fit(first, second, self.right)
            case _ if not (isinstance(first, nodes.TimeTerm) and isinstance(second, nodes.TimeTerm)):
                expected = "a constant; only since(), sequence() and tenure() compare with each other"
                self.source.refuse(self.right, expected)
        if symbol in ("==", "!=") and (isinstance(first, nodes.InexactTerm) or isinstance(second, nodes.InexactTerm)):
            self._refuse_operator("a range such as >= 10; a fraction is not exact enough to be equal")
        if symbol not in ("==", "!=") and (isinstance(first, nodes.Cluster) or isinstance(second, nodes.Cluster)):
            self._refuse_operator("one of ==, !=, in, not in; no cluster is more than another")
        return nodes.Compare(first, symbol, second)

    def _member(self) -> nodes.Member:
        term = self._operand(self.left)
        if isinstance(term, nodes.Literal):
            meant = f"{self.source.quote(self.right)} == {self.source.quote(self.left)}"
            hint = did_you_mean(meant) if isinstance(self.right, ast.Call) else None
            self.source.refuse(self.left, 'a term, such as last("device.type")', hint=hint)
        if isinstance(term, nodes.InexactTerm):
            self._refuse_operator("a range such as >= 10; a fraction is not exact enough for a list")
        if not isinstance(self.right, ast.List):
            self.source.refuse(self.right, 'a list, such as ["FR", "BE"]', hint=did_you_mean(self._as_list()))
        constants = zip(self.right.elts, literals(self.source, self.right), strict=True)
        any_of = tuple(self._fit(term, constant, node) for node, constant in constants)
        return nodes.Member(term, any_of, isinstance(self.operator, ast.NotIn))

    def _operand(self, node: ast.expr) -> nodes.Term | nodes.Literal:
        if isinstance(node, ast.Call):
            term = read_term(self.source, self.known, node)
            if isinstance(term, nodes.InSegment | nodes.Listed):
                written = self.source.quote(node)
                self._refuse_operator(f"{written} or not {written}, by itself")
            return term
        if isinstance(node, ast.List):
            hint = did_you_mean(self._instead()) if node is self.right else None
            self.source.refuse(node, "a term or a constant; a list stands only after in", hint=hint)
        if isinstance(node, ast.Compare | ast.BoolOp) or _is_not(node):
            self.source.refuse(node, "a term or a constant; conditions are joined by and, or, not")
        if isinstance(node, ast.Name) and node is self.left:
            refuse_word(self.source, self.known, node)
        return literal(self.source, node)

    def _fit(self, term: nodes.Term | nodes.Literal, constant: nodes.Literal, node: ast.expr) -> nodes.Literal:
        """The constant as what `term` compares with."""
        if isinstance(term, nodes.TimeTerm):
            return nodes.Literal("duration", duration_ms(self.source, node))
        if isinstance(term, nodes.NumberTerm | nodes.Score | nodes.Rfm) and constant.kind != "number":
            self.source.refuse(node, "a number", hint=_number_hint(constant.value))
        if isinstance(term, nodes.Cluster) and constant.kind != "string":
            hint = did_you_mean(f'"c{constant.value}"') if type(constant.value) is int else None
            self.source.refuse(node, 'the id of a cluster in quotes, such as "c3"', hint=hint)
        if isinstance(term, nodes.Request) and term.path in (HOUR, WEEKDAY):
            return self._clock(term.path, constant, node)
        return constant

    def _clock(self, path: str, constant: nodes.Literal, node: ast.expr) -> nodes.Literal:
        """An hour, or a weekday, which may be written by its name."""
        if constant.kind == "number":
            return constant
        if path == HOUR:
            self.source.refuse(node, "an hour from 0 to 23", hint=_number_hint(constant.value))
        number = weekday_number(str(constant.value)) if constant.kind == "string" else None
        if number is None:
            near = nearest(str(constant.value), WEEKDAYS)
            hint = did_you_mean(f'"{near}"') if near else None
            self.source.refuse(node, 'a weekday such as "sat", or 1 (Monday) to 7', hint=hint)
        return nodes.Literal("number", number)

    def _refuse_is(self) -> NoReturn:
        with_none = any(isinstance(side, ast.Constant) and side.value is None for side in (self.left, self.right))
        hint = "what is missing equals nothing, not even None" if with_none else did_you_mean(self._instead())
        self._refuse_operator("one of ==, !=, <, <=, >, >=, in, not in", hint)

    def _refuse_operator(self, expected: str, hint: str | None = None) -> NoReturn:
        self.source.refuse(self.source.between(self.left, self.right), expected, hint=hint)

    def _instead(self) -> str | None:
        return _INSTEAD.get(type(self.operator))

    def _as_list(self) -> str | None:
        """The right side as the list that it was meant to be."""
        alone = isinstance(self.right, ast.Constant)
        return f"[{self.source.quote(self.right)}]" if alone else as_list(self.source, self.right)


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _number_hint(value: object) -> str | None:
    """What was meant by text instead of a number."""
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isdigit() and value == (value.lstrip("0") or "0"):
        return did_you_mean(value)
    return f'a duration goes into the brackets: within="{likely}"' if (likely := likely_duration(value)) else None
