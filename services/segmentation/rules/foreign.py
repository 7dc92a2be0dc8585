"""Expressions of Python that the rule language does not have: what to say of each."""

import ast
import re

from services.segmentation.rules.complaint import Complaint, Span
from services.segmentation.rules.nearest import did_you_mean
from services.segmentation.rules.source import Source

_NAME = re.compile(r"[^\W\d][\w.-]{0,99}")
_BITWISE = {ast.BitAnd: "and", ast.BitOr: "or"}


def foreign(source: Source, node: ast.expr) -> Complaint | None:
    """What is wrong with an expression wherever it stands; None where that depends."""
    match node:
        case ast.BinOp(left, operator, right):
            return _arithmetic(source.between(left, right), _BITWISE.get(type(operator)))
        case ast.UnaryOp(sign):
            begin = source.span(node).begin
            return _sign(Span(begin, begin + 1), sign)
        case ast.NamedExpr(target, value):
            place = source.between(target, value)
            return Complaint(place, "two equals signs to compare", hint=did_you_mean("=="))
        case ast.IfExp(test=test, body=body):
            return Complaint(source.between(body, test), "conditions joined by and, or, not")
        case ast.JoinedStr() | ast.Constant(bytes()):
            return Complaint(source.span(node), "text in quotes, without a letter before them")
        case ast.Attribute() | ast.Subscript():
            return _part(source, node)
    return None


def in_quotes(source: Source, node: ast.expr) -> str | None:
    """The hint that a name was meant as text, for what is written like a name."""
    written = source.quote(node)
    return did_you_mean(f'"{written}"') if not isinstance(node, ast.Constant) and _NAME.fullmatch(written) else None


def as_list(source: Source, node: ast.expr) -> str | None:
    """The list that was meant by some constants in other brackets."""
    if not isinstance(node, ast.Tuple | ast.Set):
        return None
    return f"[{', '.join(map(source.quote, node.elts))}]"


def _arithmetic(place: Span, joining: str | None) -> Complaint:
    if joining is None:
        return Complaint(place, "a term or a constant by itself; there is no arithmetic")
    return Complaint(place, f'"{joining}" between two conditions', hint=did_you_mean(joining))


def _sign(place: Span, sign: ast.unaryop) -> Complaint:
    if isinstance(sign, ast.Invert):
        return Complaint(place, '"not" before a condition', hint=did_you_mean("not"))
    return _arithmetic(place, None)


def _part(source: Source, node: ast.Attribute | ast.Subscript) -> Complaint:
    """A dot or square brackets after something."""
    written = source.quote(node)
    if isinstance(node, ast.Attribute) and _NAME.fullmatch(written):
        expected = "a term; names with dots stand in its quotes"
        return Complaint(source.span(node), expected, hint=did_you_mean(f'last("{written}")'))
    place = Span(source.span(node.value).end, source.span(node).end)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        meant = f"{node.value.id}({source.quote(node.slice)})"
        return Complaint(place, "round brackets after the name of a term", hint=did_you_mean(meant))
    return Complaint(place, "a comparison after the term, such as == 3")
