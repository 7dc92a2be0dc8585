"""The constants of a rule: which are allowed, and as what kind."""

import ast
from collections.abc import Collection

from services.segmentation.rules.complaint import Complaint
from services.segmentation.rules.durations import likely_duration, parse_duration
from services.segmentation.rules.foreign import as_list, foreign, in_quotes
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.source import Source

A_DURATION = 'a duration in quotes, such as "7d"'
_A_CONSTANT = "a constant: text in quotes, a number, True, False or None"
_LARGEST_NUMBER = 1.7976931348623157e308  # of a double; Python cannot even write down the integers far beyond
_MISSPELT = {"true": "True", "false": "False", "null": "None", "none": "None", "nil": "None"}
_PERIODS = {"day": "today", "week": "this_week", "month": "this_month"}


def literal(source: Source, node: ast.expr) -> Literal:
    """The constant that `node` is. Raises RuleError."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _constant(source, node.operand) if isinstance(node.operand, ast.Constant) else None
        if number is None or number.kind != "number":
            raise source.error(foreign(source, node) or _no_constant(source, node))
        assert isinstance(number.value, int | float)
        return Literal("number", -number.value if isinstance(node.op, ast.USub) else number.value)
    if isinstance(node, ast.Name) and node.id.lower() in _MISSPELT:
        right = _MISSPELT[node.id.lower()]
        source.refuse(node, f"{right}, spelt this way", hint=did_you_mean(right))
    if not isinstance(node, ast.Constant):
        raise source.error(foreign(source, node) or _no_constant(source, node))
    return _constant(source, node)


def literals(source: Source, node: ast.List) -> tuple[Literal, ...]:
    """The constants of a list. Raises RuleError."""
    return tuple(literal(source, element) for element in node.elts)


def text(source: Source, node: ast.expr, expected: str) -> str:
    """The string that `node` is. Raises RuleError."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    hint = in_quotes(source, node)
    if hint is None and (complaint := foreign(source, node)):
        raise source.error(complaint)
    source.refuse(node, expected, hint=hint)


def duration_ms(source: Source, node: ast.expr, words: Collection[str] = ()) -> int:
    """The milliseconds of a duration in quotes. Raises RuleError, which also names `words` that could stand there."""
    or_words = f", or one of {', '.join(words)}" if words else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        source.refuse(node, A_DURATION + or_words, hint=_unit_hint(source.quote(node)))
    written = text(source, node, A_DURATION + or_words)
    try:
        return parse_duration(written)
    except ValueError as error:
        source.refuse(node, f"{error}{or_words}", hint=_duration_hint(written, words))


def likely_window(written: str) -> str | None:
    """The calendar period or the duration that was meant by a text; None where that is not plain."""
    period = _PERIODS.get(written.lower()) or nearest(written, _PERIODS.values(), likeness=0.75)
    return period or likely_duration(written)


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
    raise source.error(foreign(source, node) or Complaint(source.span(node), _A_CONSTANT))


def _no_constant(source: Source, node: ast.expr) -> Complaint:
    hint = did_you_mean(as_list(source, node)) or in_quotes(source, node)
    return Complaint(source.span(node), _A_CONSTANT, hint=hint)


def _duration_hint(written: str, words: Collection[str]) -> str | None:
    likely = likely_window(written)
    if likely in _PERIODS.values() and likely not in words:
        return f'"{likely}" only goes into the within of count, sum, avg and distinct'
    return _unit_hint(written) if likely is None else did_you_mean(f'"{likely}"')


def _unit_hint(number: str) -> str | None:
    """What a bare number has to have."""
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number)):
        return None
    return f'is it "{number}d" for days, "{number}h" for hours or "{number}m" for minutes?'
