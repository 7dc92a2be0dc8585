"""The constants of a rule: which are allowed, and as what kind."""

import ast

from services.segmentation.rules.durations import parse_duration
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.source import Source

_A_CONSTANT = "a constant: text in quotes, a number, True, False or None"
_LARGEST_NUMBER = 1.7976931348623157e308  # of a double; Python cannot even write down the integers far beyond
_MISSPELT = {"true": "True", "false": "False", "null": "None", "none": "None"}


def literal(source: Source, node: ast.expr) -> Literal:
    """The constant that `node` is. Raises RuleError."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _constant(source, node.operand) if isinstance(node.operand, ast.Constant) else None
        if number is None or number.kind != "number":
            source.refuse(node, _A_CONSTANT)
        assert isinstance(number.value, int | float)
        return Literal("number", -number.value if isinstance(node.op, ast.USub) else number.value)
    if isinstance(node, ast.Name) and node.id in _MISSPELT:
        source.refuse(node, f"{_MISSPELT[node.id]}, spelt this way")
    if not isinstance(node, ast.Constant):
        source.refuse(node, _A_CONSTANT)
    return _constant(source, node)


def literals(source: Source, node: ast.List) -> tuple[Literal, ...]:
    """The constants of a list. Raises RuleError."""
    return tuple(literal(source, element) for element in node.elts)


def text(source: Source, node: ast.expr, expected: str) -> str:
    """The string that `node` is. Raises RuleError."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    source.refuse(node, expected)


def duration_ms(source: Source, node: ast.expr) -> int:
    """The milliseconds of a duration in quotes. Raises RuleError."""
    written = text(source, node, 'a duration in quotes, such as "7d"')
    try:
        return parse_duration(written)
    except ValueError as error:
        source.refuse(node, str(error))


def _constant(source: Source, node: ast.Constant) -> Literal:
    value = node.value
    if value is None:
        return Literal("none", None)
    if isinstance(value, bool):
        return Literal("boolean", value)
    if isinstance(value, str):
        return Literal("string", value)
    if isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER:
        return Literal("number", value)
    source.refuse(node, _A_CONSTANT)
