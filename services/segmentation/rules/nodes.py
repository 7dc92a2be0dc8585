"""A rule as a tree of frozen nodes: what the text says, checked, with nothing left to decide.

The parser makes nodes, the evaluator and the oracle read them, `str()` writes them back as text that parses to
the same tree.
"""

from dataclasses import dataclass
from typing import Literal as OneOf

from services.segmentation.rules.durations import format_duration

Kind = OneOf["string", "number", "boolean", "none", "duration"]
Operator = OneOf["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant of the rule. `kind` keeps apart what Python calls equal: 1, True and the duration of 1 ms."""

    kind: Kind
    value: str | int | float | bool | None

    def __str__(self) -> str:
        if self.kind == "duration":
            assert isinstance(self.value, int)
            return repr(format_duration(self.value))
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps the events whose `field` equals one of `any_of`.

    `field` is a property's name, or `context.` and a path into the event's context.
    """

    field: str
    any_of: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The events that a term looks at: of one type, matching every filter, newer than `t - within_ms` if set."""

    type: str
    filters: tuple[Filter, ...] = ()
    within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    events: Selection

    def __str__(self) -> str:
        return _call("count", [repr(self.events.type)], self.events)


@dataclass(frozen=True, slots=True)
class Sum:
    events: Selection
    field: str

    def __str__(self) -> str:
        return _call("sum", [repr(self.events.type), repr(self.field)], self.events)


@dataclass(frozen=True, slots=True)
class Average:
    events: Selection
    field: str

    def __str__(self) -> str:
        return _call("avg", [repr(self.events.type), repr(self.field)], self.events)


@dataclass(frozen=True, slots=True)
class Distinct:
    events: Selection
    field: str

    def __str__(self) -> str:
        return _call("distinct", [repr(self.events.type), repr(self.field)], self.events)


@dataclass(frozen=True, slots=True)
class Since:
    """Time from the latest matching event; its selection never has a window."""

    events: Selection

    def __str__(self) -> str:
        return _call("since", [repr(self.events.type)], self.events)


@dataclass(frozen=True, slots=True)
class Tenure:
    """Time since the user's first event of any type."""

    def __str__(self) -> str:
        return "tenure()"


@dataclass(frozen=True, slots=True)
class Trait:
    name: str

    def __str__(self) -> str:
        return f"trait({self.name!r})"


@dataclass(frozen=True, slots=True)
class Last:
    """The latest value at a path of the events' context, written without `context.`: `last("device.type")`."""

    path: str

    def __str__(self) -> str:
        return f"last({self.path!r})"


NumberTerm = Count | Sum | Average | Distinct
TimeTerm = Since | Tenure
ValueTerm = Trait | Last
Term = NumberTerm | TimeTerm | ValueTerm


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`: a term with a literal on either side, or two time terms."""

    left: Term | Literal
    operator: Operator
    right: Term | Literal

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True, slots=True)
class Member:
    """`term in [...]`, or `term not in [...]` when `negated`."""

    term: Term
    any_of: tuple[Literal, ...]
    negated: bool = False

    def __str__(self) -> str:
        word = "not in" if self.negated else "in"
        return f"{self.term} {word} [{', '.join(map(str, self.any_of))}]"


@dataclass(frozen=True, slots=True)
class Holds:
    """A bare boolean trait or context value: true when the value is true, false when it is anything else."""

    term: ValueTerm

    def __str__(self) -> str:
        return str(self.term)


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Condition"

    def __str__(self) -> str:
        return f"not {_parenthesised(self.operand)}"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Condition", ...]

    def __str__(self) -> str:
        return " and ".join(map(_parenthesised, self.operands))


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Condition", ...]

    def __str__(self) -> str:
        return " or ".join(map(_parenthesised, self.operands))


Leaf = Compare | Member | Holds
Condition = Leaf | Not | And | Or
Rule = Condition


def _parenthesised(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, And | Or) else str(condition)


def _call(name: str, arguments: list[str], events: Selection) -> str:
    if events.within_ms is not None:
        arguments.append(f"within={format_duration(events.within_ms)!r}")
    if events.filters:
        pairs = ", ".join(f"{each.field!r}: {_any_of(each)}" for each in events.filters)
        arguments.append(f"where={{{pairs}}}")
    return f"{name}({', '.join(arguments)})"


def _any_of(each: Filter) -> str:
    values = ", ".join(map(str, each.any_of))
    return values if len(each.any_of) == 1 else f"[{values}]"
