"""What a rule term says of people of whom it is much or little, in words that a name is made of.

Each saying tells how far what it says is fulfilled: 1 is enough.
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

from services.segmentation.rules import nodes
from services.segmentation.training.telling.measures import is_never
from services.segmentation.training.telling.roles import BUYERS, COMING, role_of
from services.segmentation.training.telling.wording import (
    feature_words,
    field_words,
    is_time_of_day,
    several,
    topic_words,
    values_words,
)

Slot = Literal["state", "tenure", "degree", "often", "worth", "when", "device", "who", "topic", "people", "how", "lack"]
"""Places in a name, from its beginning to its end."""

LONG_DAYS, LATE_DAYS, NEW_DAYS = 14, 30, 14
MONEY = ("value", "price", "revenue", "amount", "total")
GONE = ("long gone", "not seen lately")
"""States of who does not come any more, the firmer one first."""
SOURCES = ("campaign", "channel", "source", "medium", "referrer")
LESS, NUANCE = 0.6, 0.2
"""What people do not do says less of them than what they do; a nuance is for telling two apart who else are alike."""


class Saying(NamedTuple):
    words: tuple[tuple[Slot, str], ...]
    fulfilled: float = math.inf
    weight: float = 1.0


class Seen(NamedTuple):
    """A feature among people."""

    feature: str
    high: bool
    """Whether it is more than elsewhere."""
    mean: float
    """A typical user's, in the term's own unit: events, money, days, a part from 0 to 1."""
    lift: float
    shop: bool
    """Whether the users are those of a shop."""


def of_term(term: nodes.Term, seen: Seen) -> Iterator[Saying]:
    """All that can be said, the better of two that exclude each other first."""
    match term:
        case nodes.Count(events) | nodes.Decayed(events):
            yield from _of_doing(events, seen)
        case nodes.Sum(events, field) | nodes.Average(events, field) if field in MONEY:
            yield from _of_money(events, seen, average=isinstance(term, nodes.Average))
        case nodes.Distinct(events, field):
            yield from _of_variety(events.type, field, seen)
        case nodes.Share(event_type, part):
            yield from _of_share(event_type, part, seen)
        case nodes.Since(events):
            yield from _of_age(events, seen)
        case nodes.Tenure():
            yield _of_tenure(seen)
        case nodes.Trait("age"):
            yield Saying((("who", "older" if seen.high else "younger"),))
        case nodes.Sequence():
            yield _of_sequence(seen)
        case nodes.Sum() | nodes.Average() | nodes.Trait() | nodes.Last() if seen.high or not isinstance(
            term, nodes.Sum
        ):
            much = "high" if seen.high else "low"
            yield Saying((("how", f"with {much} {feature_words(seen.feature)}"),), weight=1 if seen.high else LESS)


def placed(field: str, words: str, default: Slot) -> tuple[Slot, str]:
    """Where in a name the value of a field has its place."""
    if is_time_of_day(words):
        return "when", words
    if field.startswith("context.device."):
        return "device", words
    if field.startswith("context.geo."):
        return "how", f"from {words}"
    return ("how", f"via {words}") if field in SOURCES else (default, words)


def _people(event_type: str, seen: Seen) -> tuple[Slot, str]:
    return "people", role_of(event_type, shop=seen.shop).people


def _filtered(events: nodes.Selection, seen: Seen) -> tuple[tuple[Slot, str], ...]:
    """What events are about; where two of their fields ask for one place, the first has it."""
    about = [
        placed(part.field, topic_words(part.field, part.any_of, seen.feature), "topic")
        for part in reversed(events.filters)
    ]
    return tuple(dict(about).items())


def _of_doing(events: nodes.Selection, seen: Seen) -> Iterator[Saying]:
    people, about = _people(events.type, seen), _filtered(events, seen)
    if seen.high:
        if not about:
            yield Saying((("often", "frequent"), people), seen.mean / 1.5)
            yield Saying((("degree", "very"), ("often", "frequent"), people), seen.lift / 10, NUANCE)
        yield Saying((*about, people), seen.mean / 0.3)
    elif not about:
        yield from _of_nothing(events.type, seen, 0.1)
        if people[1] == BUYERS.people:
            yield Saying((("often", "occasional"), people), seen.mean / 0.1, LESS)


def _of_nothing(event_type: str, seen: Seen, hardly_any: float) -> Iterator[Saying]:
    lack = role_of(event_type, shop=seen.shop).lack
    if lack is not None:
        yield Saying((("lack", lack),), _over(hardly_any, seen.mean), LESS)


def _of_variety(event_type: str, field: str, seen: Seen) -> Iterator[Saying]:
    people = _people(event_type, seen)
    if seen.high:
        yield Saying((("topic", f"many {several(field)}"), people), seen.mean / 2)
    else:
        yield Saying((("lack", f"show no {field_words(field)}"),), _over(0.1, seen.mean), LESS / 2)
        yield Saying(
            (("topic", f"one {field_words(field)}"), people), min(seen.mean / 0.7, _over(1.3, seen.mean)), LESS
        )


def _of_money(events: nodes.Selection, seen: Seen, *, average: bool) -> Iterator[Saying]:
    many, few = ("premium", "bargain") if average else ("big-spending", "small-spending")
    words = (*_filtered(events, seen), _people(events.type, seen))
    if seen.high:
        yield Saying((("worth", many), *words))
    else:
        if not events.filters:
            yield from _of_nothing(events.type, seen, 0.5)
        yield Saying((("worth", few), *words), seen.mean / 0.5, LESS)


def _of_share(event_type: str, part: nodes.Filter, seen: Seen) -> Iterator[Saying]:
    slot, words = placed(part.field, values_words(part.field, part.any_of, seen.feature), "topic")
    if seen.high:
        fulfilled = max(seen.mean / 0.2, min(seen.lift / 3, seen.mean / 0.05))
        yield Saying(((slot, words), _people(event_type, seen)), fulfilled)
        if slot != "topic":
            yield Saying(((slot, words),), fulfilled)
    elif slot == "device":
        yield Saying(((slot, f"non-{words}"),), (1 - seen.mean) / 0.7, LESS)


def _of_age(events: nodes.Selection, seen: Seen) -> Iterator[Saying]:
    """Who looks at nothing any more has gone; who does anything else no more may still be there."""
    people, about = _people(events.type, seen), _filtered(events, seen)
    role = role_of(events.type, shop=seen.shop)
    if not seen.high:
        yield Saying((("state", "recent"), *about, people), _over(LATE_DAYS, seen.mean))
    elif is_never(seen.mean):
        if not about and role.lack is not None:
            yield Saying((("lack", role.lack),), weight=LESS)
    elif about or role not in COMING:
        yield Saying((("state", "lapsed"), *about, people), seen.mean / LONG_DAYS)
    else:
        yield Saying((("state", GONE[0]),), seen.mean / LONG_DAYS)
        yield Saying((("state", GONE[1]),), _over(LONG_DAYS, seen.mean))


def _of_tenure(seen: Seen) -> Saying:
    if seen.high:
        return Saying((("tenure", "long-standing"),), seen.mean / LATE_DAYS, LESS)
    return Saying((("tenure", "new"),), _over(NEW_DAYS, seen.mean))


def _of_sequence(seen: Seen) -> Saying:
    words = feature_words(seen.feature)
    if seen.high:
        return Saying((("how", f"without {words}"),), math.inf if is_never(seen.mean) else 0.0, LESS)
    return Saying((("how", f"with recent {words}"),), _over(LATE_DAYS, seen.mean))


def _over(bound: float, value: float) -> float:
    return bound / value if value > 0 else math.inf
