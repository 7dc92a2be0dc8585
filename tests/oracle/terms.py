"""What each term is worth at one moment, by brute force over the events that it looks at."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from services.segmentation.events import Event
from services.segmentation.rules import nodes
from services.segmentation.rules.nodes import Count, Decayed, Distinct, Last, Request, Share, Since, Sum, Tenure, Trait
from tests.oracle.clocks import clock_of_request, local
from tests.oracle.comparing import NEVER, WIDE, decimal, kind, millionths, plain
from tests.oracle.seen import ABSENT, Seen, matches, newest, read, selected


def value_of(term: nodes.Term | nodes.Literal, seen: Seen) -> Any:
    match term:
        case nodes.Literal():
            return plain(term.value)
        case Since() | Tenure() | nodes.Sequence():
            moments_ms = _moments(term, seen)
            return seen.at_ms - max(moments_ms) if moments_ms else NEVER
        case Trait():
            # Reading: a trait's name is the whole key, dots do not walk; and `keep` is not about traits.
            return _latest(seen, lambda event: event.traits.get(term.name, ABSENT))
        case Last():
            return _latest(seen, lambda event: read(event, f"context.{term.path}", seen.keep))
        case Request():
            return plain(_requested(term.path, seen))
        case Decayed() | Share():
            return _decaying(term, seen)
        case Count() | Sum() | nodes.Average() | Distinct():
            return _number(term, seen)
    raise AssertionError(f"a model is asked elsewhere: {term}")


def _moments(term: nodes.TimeTerm, seen: Seen) -> list[int]:
    """The moments from the latest of which a time term counts."""
    match term:
        case Since():
            return [event.ts_ms for event in selected(term.events, seen)]
        case Tenure():
            # Reading: without any event (known from lists alone, or unknown) there is none, as with an absent `since`.
            return [min(event.ts_ms for event in seen.events)] if seen.events else []
        case nodes.Sequence():
            steps = [[event.ts_ms for event in selected(step, seen)] for step in term.steps]
            return [end_ms for end_ms in steps[-1] if _completes(end_ms, steps, term.within_ms)]


def _completes(end_ms: int, steps: Sequence[Sequence[int]], within_ms: int | None) -> bool:
    """Whether the steps lead up to an event of the last one, in time. Nobody begins later than by latest choices."""
    reached_ms = end_ms
    for times_ms in reversed(steps[:-1]):
        before = [ts_ms for ts_ms in times_ms if ts_ms < reached_ms]
        if not before:
            return False
        reached_ms = max(before)
    return within_ms is None or end_ms - reached_ms <= within_ms


def _latest(seen: Seen, read: Callable[[Event], object]) -> Any:
    """The value of the latest event that has one."""
    # Reading: events of every type and age are asked, for the limit of 256 is one on a type's events.
    # Reading: an event that lacks the name, or whose path ends early (at something missing, null or not an
    # object), says nothing; only a null at the very name says "none from here on".
    telling = [event for event in seen.events if read(event) is not ABSENT]
    if not telling:
        return None
    return plain(read(max(telling, key=lambda event: (event.ts_ms, event.event_id))))


def _requested(path: str, seen: Seen) -> Any:
    if path in seen.request or path not in {"hour", "weekday"}:
        return seen.request.get(path)
    shown = local(seen.at_ms, clock_of_request(seen.request, seen.events, seen.zone))
    return shown.hour if path == "hour" else shown.isoweekday()


def _decaying(term: nodes.DecayTerm, seen: Seen) -> Decimal:
    if isinstance(term, Decayed):
        events = selected(term.events, seen)
        return weight(events, seen.at_ms, term.halflife_ms)
    events = newest([event for event in seen.events if event.type == term.type])
    part = [event for event in events if matches(event, term.part, seen.keep)]
    # The same at every moment: what passes halves both. So it is taken at the newest event.
    latest_ms = max((event.ts_ms for event in events), default=0)
    whole = weight(events, latest_ms, term.halflife_ms)
    return WIDE.divide(weight(part, latest_ms, term.halflife_ms), whole) if events else Decimal(0)


def weight(events: Sequence[Event], at_ms: int, halflife_ms: int) -> Decimal:
    """The events as they are worth at `at_ms`, one each when it is new."""
    latest_ms = max((event.ts_ms for event in events), default=0)
    total = Decimal(0)
    for event in events:
        total = WIDE.add(total, _halved(latest_ms - event.ts_ms, halflife_ms))
    return WIDE.multiply(total, _halved(at_ms - latest_ms, halflife_ms))


@lru_cache(maxsize=10_000)
def _halved(age_ms: int, halflife_ms: int) -> Decimal:
    """What is left of 1: above zero at any age."""
    return WIDE.power(Decimal(2), decimal(Fraction(-age_ms, halflife_ms)))


def _number(term: nodes.StepTerm, seen: Seen) -> Fraction | None:
    events = selected(term.events, seen, exact_over_all=not isinstance(term, Distinct))
    if isinstance(term, Count):
        return Fraction(len(events))
    values = [read(event, term.field, seen.keep) for event in events]
    if isinstance(term, Distinct):
        # Reading: a list is no scalar and adds nothing, unlike in filters, where its elements are looked at.
        scalars = {(kind(value), plain(value)) for value in values if kind(value) is not None}
        return Fraction(len(scalars))
    numbers = [millionths(value) for value in values if kind(value) == "number"]
    if isinstance(term, Sum):
        return Fraction(sum(numbers), 10**6)
    # Reading: the mean is of the same rounded millionths as the sum.
    return Fraction(sum(numbers), 10**6 * len(numbers)) if numbers else None
