"""What the examples of the specification are built from: events and nodes in a few words.

Times are plain milliseconds; an event's id is its type and time unless an example is about ids.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.segmentation.events import Event, Fact, ListEntry, date_time_ms
from services.segmentation.rules.nodes import Compare, Filter, Literal, Operator, Selection, Term, Window
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


def entry(
    list_id: str, ts_ms: int, event_id: str = "", *, listed: bool = True, until_ms: int | None = None
) -> ListEntry:
    return ListEntry(event_id or f"{list_id}@{ts_ms}", "u-1", list_id, ts_ms, listed=listed, until_ms=until_ms)


def ms(text: str) -> int:
    """Of a date-time with its offset."""
    return date_time_ms(text)


def duration(ms: int) -> Literal:
    return Literal("duration", ms)


def views(within: Window | None = None, **filters: Any) -> Selection:
    return Selection("view", tuple(matching(name, value) for name, value in filters.items()), within)


def matching(field: str, value: Any) -> Filter:
    return Filter(field, tuple(literal(each) for each in (value if isinstance(value, list) else [value])))


def equals(term: Term, value: float, facts: Sequence[Fact], at_ms: int = 100, **surroundings: Any) -> bool:
    return judge(Compare(term, "==", literal(value)), facts, at_ms, **surroundings)


def truths(
    left: Term | Literal, right: Term | Literal, facts: Sequence[Fact], at_ms: int = 100, **surroundings: Any
) -> list[str]:
    """The operators that hold between the two."""
    return [each for each in OPERATORS if judge(Compare(left, each, right), facts, at_ms, **surroundings)]


LESS, EQUAL, GREATER = ["!=", "<", "<="], ["==", "<=", ">="], ["!=", ">", ">="]
ONLY_UNEQUAL, NOTHING_HOLDS = ["!="], list[str]()
