"""What the examples of the specification are built from: events and nodes in a few words.

Times are plain milliseconds; an event's id is its type and time unless an example is about ids.
"""

from dataclasses import replace
from typing import Any

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Compare, Filter, Literal, Operator, Selection, Term
from tests.oracle.judge import judge
from tests.oracle.rule_strategies import literal

OPERATORS: tuple[Operator, ...] = ("==", "!=", "<", "<=", ">", ">=")
MISSING = object()


def event(type_: str, ts_ms: int, event_id: str = "", **properties: Any) -> Event:
    return Event(event_id or f"{type_}@{ts_ms}", "u-1", type_, ts_ms, properties=properties)


def view_in(ts_ms: int, **context: Any) -> Event:
    return replace(event("view", ts_ms), context=context)


def known(ts_ms: int, event_id: str = "", **traits: Any) -> Event:
    return replace(event("view", ts_ms, event_id), traits=traits)


def duration(ms: int) -> Literal:
    return Literal("duration", ms)


def views(within_ms: int | None = None, **filters: Any) -> Selection:
    return Selection("view", tuple(matching(name, value) for name, value in filters.items()), within_ms)


def matching(field: str, value: Any) -> Filter:
    return Filter(field, tuple(literal(each) for each in (value if isinstance(value, list) else [value])))


def equals(term: Term, value: float, events: list[Event], at_ms: int = 100) -> bool:
    return judge(Compare(term, "==", literal(value)), events, at_ms)


def truths(left: Term | Literal, right: Term | Literal, events: list[Event], at_ms: int = 100) -> list[str]:
    """The operators that hold between the two."""
    return [each for each in OPERATORS if judge(Compare(left, each, right), events, at_ms)]


LESS, EQUAL, GREATER = ["!=", "<", "<="], ["==", "<=", ">="], ["!=", ">", ">="]
ONLY_UNEQUAL, NOTHING_HOLDS = ["!="], list[str]()
