"""What `==` and `<` mean between an event's values and a rule's literals. Every comparison of values lives here.

Types are strict: 1, True and "1" are three different things, 1 and 1.0 one. None equals nothing, itself included,
and is ordered with nothing; so is a pair of different types.
"""

import operator
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from services.segmentation.rules.nodes import Literal, Operator

ORDER: dict[Operator, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MIRRORED: dict[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def kind_of(value: object) -> str:
    """The JSON type of a value, as literals name theirs."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "none"


def equal_to_any(literals: Iterable[Literal]) -> Callable[[object], bool]:
    """The test that a filter makes of a kept value: whether it, or an element of it, equals one of `literals`."""
    wanted = frozenset((literal.kind, literal.value) for literal in literals if literal.kind != "none")

    def test(value: object) -> bool:
        if isinstance(value, tuple):
            return any((kind_of(element), element) in wanted for element in value)
        return (kind_of(value), value) in wanted

    return test


def compare(value: object, symbol: Operator, literal: Literal) -> bool:
    kind = kind_of(value)
    if kind == "none" or kind != literal.kind:
        return symbol == "!="
    return ORDER[symbol](value, literal.value)


def exact(literal: Literal) -> Fraction:
    """A number of the rule as the decimal that was written, free of binary rounding."""
    return Fraction(repr(literal.value))
