"""A leaf of a rule as a claim: its term on the left, an operator, and what it is compared with."""

from collections.abc import Callable
from typing import Literal as OneOf
from typing import NamedTuple, TypeGuard, get_args

from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import Literal
from services.segmentation.rules.thresholds import Value, test
from services.segmentation.rules.values import MIRRORED

Symbol = nodes.Operator | OneOf["in", "not in", "completed", "listed"]
Plain = nodes.Compare | nodes.Member | nodes.Holds | nodes.Listed
"""Every leaf but that which stands for another segment."""

OPPOSITE: dict[Symbol, Symbol] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "in": "not in",
    "not in": "in",
}


class Claim(NamedTuple):
    term: nodes.Term | None
    """None for a list."""
    symbol: Symbol
    literals: tuple[Literal, ...] = ()
    other: nodes.TimeTerm | None = None
    """Where two times are compared, the one on the right."""


def claimed(leaf: Plain) -> Claim:
    match leaf:
        case nodes.Member(term, any_of, negated):
            return Claim(term, "not in" if negated else "in", any_of)
        case nodes.Listed():
            return Claim(None, "listed")
        case nodes.Holds(nodes.Sequence() as term):
            return Claim(term, "completed")
        case nodes.Holds(term):
            return Claim(term, "==", (Literal("boolean", value=True),))
    return _compared(leaf)


def _compared(leaf: nodes.Compare) -> Claim:
    match leaf.left, leaf.right:
        case Literal() as literal, term if not isinstance(term, Literal):
            return Claim(term, MIRRORED[leaf.operator], (literal,))
        case term, Literal() as literal if not isinstance(term, Literal):
            return Claim(term, leaf.operator, (literal,))
        case term, other if isinstance(term, nodes.TimeTerm) and isinstance(other, nodes.TimeTerm):
            return Claim(term, leaf.operator, (), other)
    raise AssertionError(f"the parser lets no such comparison through: {leaf}")


def truth(claim: Claim) -> Callable[[Value], bool]:
    """What the claim says of each value that its term, a number that changes by steps, can have."""
    term, symbol = claim.term, claim.symbol
    assert isinstance(term, nodes.StepTerm)
    if symbol in ("in", "not in"):
        tests = [test(term, "==", literal) for literal in claim.literals]
        return lambda value: any(each(value) for each in tests) != (symbol == "not in")
    (literal,) = claim.literals
    assert is_operator(symbol)
    return test(term, symbol, literal)


def is_operator(symbol: Symbol) -> TypeGuard[nodes.Operator]:
    """Whether it compares with one thing."""
    return symbol in get_args(nodes.Operator)


def types_of(claim: Claim) -> set[str]:
    """The types of the events that it looks at."""
    return {event_type for term in (claim.term, claim.other) for event_type in _types(term)}


def _types(term: nodes.Term | None) -> set[str]:
    match term:
        case nodes.Share(event_type):
            return {event_type}
        case nodes.Sequence(steps):
            return {step.type for step in steps}
        case nodes.Since(events) | nodes.Decayed(events):
            return {events.type}
        case nodes.Count(events) | nodes.Sum(events) | nodes.Average(events) | nodes.Distinct(events):
            return {events.type}
    return set()
