"""A rule as a tree of frozen nodes: what the text says, checked, with nothing left to decide.

The parser makes nodes, the evaluator and the oracle read them, `str()` writes them back as text that parses to
the same tree. They stand in one file, however long it is, since this is where one learns the language.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from services.segmentation.rules.durations import format_duration

Kind = OneOf["string", "number", "boolean", "none", "duration"]
Operator = OneOf["==", "!=", "<", "<=", ">", ">="]
Calendar = OneOf["today", "this_week", "this_month"]
"""Windows that begin where the day, the week (on Monday) or the month did, by the clocks of the space."""
Window = int | Calendar
"""A number of milliseconds, or since a calendar period began."""
RfmPart = OneOf["r", "f", "m"]
"""Recency, frequency and monetary value."""


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
    """The events that a term looks at: of one type, matching every filter, inside the window if there is one."""

    type: str
    filters: tuple[Filter, ...] = ()
    within: Window | None = None


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
class Decayed:
    """A count in which each event weighs half as much for every `halflife_ms` that has passed since."""

    events: Selection
    halflife_ms: int

    def __str__(self) -> str:
        return _call(
            "decayed", [repr(self.events.type), f"halflife={format_duration(self.halflife_ms)!r}"], self.events
        )


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the decayed count of `type` whose events pass `part`; from 0 to 1, and 0 without any event."""

    type: str
    part: Filter
    halflife_ms: int

    def __str__(self) -> str:
        halflife = format_duration(self.halflife_ms)
        return f"share({self.type!r}, {self.part.field!r}, {_any_of(self.part)}, halflife={halflife!r})"


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
class Sequence:
    """Time since the steps were last completed: each event later than the one before, all within `within_ms`."""

    steps: tuple[Selection, ...]
    within_ms: int | None = None

    def __str__(self) -> str:
        arguments = [_call("step", [repr(each.type)], each) if each.filters else repr(each.type) for each in self.steps]
        if self.within_ms is not None:
            arguments.append(f"within={format_duration(self.within_ms)!r}")
        return f"sequence({', '.join(arguments)})"


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


@dataclass(frozen=True, slots=True)
class Request:
    """What the ad request itself tells, known only when a lookup is made: `request("device.type")`.

    `hour` (0 to 23) and `weekday` (1 is Monday) are worked out from the moment of the lookup unless they are passed.
    """

    path: str

    def __str__(self) -> str:
        return f"request({self.path!r})"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The id of the group that a model puts the user into."""

    model: str

    def __str__(self) -> str:
        return f"cluster({self.model!r})"


@dataclass(frozen=True, slots=True)
class Score:
    """How likely, how alike or how unusual a model finds the user, from 0 to 1."""

    model: str

    def __str__(self) -> str:
        return f"score({self.model!r})"


@dataclass(frozen=True, slots=True)
class Rfm:
    """The user's class, 1 to 5 for the best, for recency, frequency or what was spent."""

    model: str
    part: RfmPart

    def __str__(self) -> str:
        return f"rfm({self.model!r}, {self.part!r})"


StepTerm = Count | Sum | Average | Distinct
"""Numbers that change only when an event leaves its window."""
DecayTerm = Decayed | Share
NumberTerm = StepTerm | DecayTerm
TimeTerm = Since | Tenure | Sequence
ValueTerm = Trait | Last
ModelTerm = Cluster | Score | Rfm
"""What a model says of the user."""
Term = NumberTerm | TimeTerm | ValueTerm | ModelTerm | Request
InexactTerm = Average | Decayed | Share | Score
"""Fractions, of which two that differ by next to nothing are equal: they compare by order only."""


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
    """A bare term: a trait or context value that is true and nothing else, a sequence that was ever completed."""

    term: ValueTerm | Sequence

    def __str__(self) -> str:
        return str(self.term)


@dataclass(frozen=True, slots=True)
class InSegment:
    """The rule of another segment holds."""

    segment_id: str

    def __str__(self) -> str:
        return f"segment({self.segment_id!r})"


@dataclass(frozen=True, slots=True)
class Listed:
    """The user is on an uploaded list, and the entry has not expired."""

    list_id: str

    def __str__(self) -> str:
        return f"listed({self.list_id!r})"


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


Leaf = Compare | Member | Holds | InSegment | Listed
Condition = Leaf | Not | And | Or
Rule = Condition


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The leaves of a rule, from left to right."""
    match condition:
        case Not(operand):
            yield from leaves(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from leaves(operand)
        case leaf:
            yield leaf


def term_of(leaf: Leaf) -> Term | None:
    """The term that a leaf is about, its left one where two times are compared; None where it names a group."""
    match leaf:
        case Compare(left, _, right):
            either = right if isinstance(left, Literal) else left
            return None if isinstance(either, Literal) else either
        case Member(term) | Holds(term):
            return term
        case InSegment() | Listed():
            return None


def _parenthesised(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, And | Or) else str(condition)


def _call(name: str, arguments: list[str], events: Selection) -> str:
    if events.within is not None:
        window = format_duration(events.within) if isinstance(events.within, int) else events.within
        arguments.append(f"within={window!r}")
    if events.filters:
        pairs = ", ".join(f"{each.field!r}: {_any_of(each)}" for each in events.filters)
        arguments.append(f"where={{{pairs}}}")
    return f"{name}({', '.join(arguments)})"


def _any_of(each: Filter) -> str:
    values = ", ".join(map(str, each.any_of))
    return values if len(each.any_of) == 1 else f"[{values}]"
