"""Judges a rule at one moment by brute force over a user's raw events: obvious, never fast.

It shares nothing with the evaluator but the rule's nodes and `Event`, so that an error has to be made twice to
go unseen. Where the specification leaves something open, a comment that begins with "Reading:" says what was
decided.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import inf
from typing import Any

from services.segmentation.events import Event
from services.segmentation.rules.nodes import (
    And,
    Average,
    Compare,
    Count,
    Distinct,
    Filter,
    Holds,
    Last,
    Literal,
    Member,
    Not,
    NumberTerm,
    Operator,
    Or,
    Rule,
    Selection,
    Since,
    Sum,
    Tenure,
    Term,
    Trait,
)

NEWEST = 256
NEVER = inf
ABSENT = object()
AVERAGE_TOLERANCE = Fraction(1, 10**13)

Keep = Callable[[str], bool]


def everything(_field: str) -> bool:
    """A profile that keeps every property and every context path."""
    return True


@dataclass(frozen=True)
class _Seen:
    """What a rule is judged on: the events that count, the moment, and which fields a profile keeps."""

    events: list[Event]
    at_ms: int
    keep: Keep


def judge(rule: Rule, events: Sequence[Event], at_ms: int, keep: Keep = everything) -> bool:
    """Whether the user of `events` fulfils the rule at `at_ms`, which is no earlier than the latest event that counts.

    `events` are one user's, as sent, in order of arrival, resends included. `keep` is asked for a property's
    name, or for `context.` and a path.
    """
    counted = first_arrivals(events)
    # Reading: somebody without any event is unknown, and an unknown user is in no segment, whatever the rule.
    if not counted:
        return False
    assert at_ms >= max(event.ts_ms for event in counted)
    return _judge(rule, _Seen(counted, at_ms, keep))


def first_arrivals(events: Sequence[Event]) -> list[Event]:
    """The events that count. A resend under a known id changes nothing, even with another type, time or content."""
    counted: dict[str, Event] = {}
    for event in events:
        if event.event_id not in counted:
            counted[event.event_id] = event
    return list(counted.values())


def newest(events: Sequence[Event]) -> list[Event]:
    """The 256 newest of `events`; of those with the same time, the ones with the greater digests of their ids."""
    return sorted(events, key=_age_rank)[-NEWEST:]


def _age_rank(event: Event) -> tuple[int, int]:
    digest = blake2b(event.event_id.encode(), digest_size=8).digest()
    return event.ts_ms, int.from_bytes(digest, "big")


def _judge(rule: Rule, seen: _Seen) -> bool:
    match rule:
        case And():
            return all(_judge(operand, seen) for operand in rule.operands)
        case Or():
            return any(_judge(operand, seen) for operand in rule.operands)
        case Not():
            return not _judge(rule.operand, seen)
        case Holds():
            return _value(rule.term, seen) is True
        case Member():
            value = _value(rule.term, seen)
            return any(_compare(value, "==", _plain(each.value)) for each in rule.any_of) != rule.negated
        case Compare():
            left, right = _value(rule.left, seen), _value(rule.right, seen)
            return _compare(left, rule.operator, right, _tolerance(rule))


def _tolerance(rule: Compare) -> Fraction:
    is_average = isinstance(rule.left, Average) or isinstance(rule.right, Average)
    return AVERAGE_TOLERANCE if is_average else Fraction(0)


def _value(term: Term | Literal, seen: _Seen) -> Any:
    match term:
        case Literal():
            return _plain(term.value)
        case Tenure():
            return seen.at_ms - min(event.ts_ms for event in seen.events)
        case Since():
            times_ms = [event.ts_ms for event in _selected(term.events, seen)]
            return seen.at_ms - max(times_ms) if times_ms else NEVER
        case Trait():
            # Reading: a trait's name is the whole key, dots do not walk; and `keep` is not about traits.
            return _latest(seen, lambda event: event.traits.get(term.name, ABSENT))
        case Last():
            return _latest(seen, lambda event: _read(event, f"context.{term.path}", seen.keep))
        case _:
            return _number(term, seen)


def _latest(seen: _Seen, read: Callable[[Event], object]) -> Any:
    """The value of the latest event that has one."""
    # Reading: events of every type and age are asked, for the limit of 256 is one on a type's events.
    # Reading: an event that lacks the name, or whose path ends early (at something missing, null or not an
    # object), says nothing; only a null at the very name says "none from here on".
    telling = [event for event in seen.events if read(event) is not ABSENT]
    if not telling:
        return None
    return _plain(read(max(telling, key=lambda event: (event.ts_ms, event.event_id))))


def _number(term: NumberTerm, seen: _Seen) -> Fraction | None:
    events = _selected(term.events, seen, exact_over_all=not isinstance(term, Distinct))
    if isinstance(term, Count):
        return Fraction(len(events))
    values = [_read(event, term.field, seen.keep) for event in events]
    if isinstance(term, Distinct):
        # Reading: a list is no scalar and adds nothing, unlike in filters, where its elements are looked at.
        scalars = {(_kind(value), _plain(value)) for value in values if _kind(value) is not None}
        return Fraction(len(scalars))
    numbers = [_millionths(value) for value in values if _kind(value) == "number"]
    if isinstance(term, Sum):
        return Fraction(sum(numbers), 10**6)
    # Reading: the mean is of the same rounded millionths as the sum.
    return Fraction(sum(numbers), 10**6 * len(numbers)) if numbers else None


def _selected(selection: Selection, seen: _Seen, *, exact_over_all: bool = False) -> list[Event]:
    """The events a term looks at: the newest of the type first, then the window, then the filters."""
    events = [event for event in seen.events if event.type == selection.type]
    is_whole_past = selection.within_ms is None and not selection.filters
    if not (exact_over_all and is_whole_past):
        events = newest(events)
    if selection.within_ms is not None:
        events = [event for event in events if seen.at_ms - selection.within_ms < event.ts_ms <= seen.at_ms]
    return [event for event in events if all(_matches(event, each, seen.keep) for each in selection.filters)]


def _matches(event: Event, wanted: Filter, keep: Keep) -> bool:
    """Whether the field, or one element of its list, equals one of the wanted values."""
    # Reading: lists match by their elements in contexts as in properties, one level deep: a list in a list never does.
    value = _read(event, wanted.field, keep)
    elements = value if isinstance(value, list) else [value]
    literals = [_plain(literal.value) for literal in wanted.any_of]
    return any(_compare(_plain(element), "==", literal) for element in elements for literal in literals)


def _read(event: Event, field: str, keep: Keep) -> object:
    # Reading: "context." means the event's context everywhere, in `sum` too. What is not kept is absent.
    if not keep(field):
        return ABSENT
    if not field.startswith("context."):
        return event.properties.get(field, ABSENT)
    # Reading: only nested objects are walked, so that no key with a dot and no element of a list is reached.
    value: object = event.context
    for name in field.split(".")[1:]:
        if not isinstance(value, Mapping) or name not in value:
            return ABSENT
        value = value[name]
    return value


def _compare(left: Any, operator: Operator, right: Any, tolerance: Fraction = Fraction(0)) -> bool:
    if left == NEVER and right == NEVER:
        return False
    order = _order(left, right, tolerance)
    truths = {
        "==": order == 0,
        "!=": order != 0,
        "<": order == -1,
        "<=": order in (-1, 0),
        ">": order == 1,
        ">=": order in (0, 1),
    }
    return truths[operator]


def _order(left: Any, right: Any, tolerance: Fraction) -> int | None:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`; None where they do not compare at all."""
    # Reading: None is unequal to everything, and so to a None that the rule writes: `trait("x") == None` is never true.
    if _kind(left) is None or _kind(left) != _kind(right):
        return None
    # Reading: relative to the larger of the two magnitudes, and exactly the tolerance apart is still equal.
    is_close = tolerance > 0 and abs(left - right) <= tolerance * max(abs(left), abs(right))
    if left == right or is_close:
        return 0
    return -1 if left < right else 1


def _kind(value: object) -> str | None:
    """What a value can be compared with. None for what compares with nothing: null, absent, lists, objects."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Fraction):
        return "number"
    return "string" if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """The value, with a number as the exact fraction of its shortest decimal form; the rest is as it is."""
    # Reading: every number means the decimal that is written, in filters, traits and `distinct` as in sums.
    return Fraction(repr(value)) if _kind(value) == "number" else value


def _millionths(number: Any) -> int:
    exact: Fraction = _plain(number)
    return round(exact * 10**6)  # of a fraction, `round` is exact, and half goes to even
