"""What a rule can ask the ad request, and what the request answers. Everything that decides it lives here.

A condition such as `request("device.type") == "mobile"` is a question: it can only be answered when a lookup is made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from services.segmentation.rules import nodes
from services.segmentation.rules.calendar import local_time
from services.segmentation.rules.values import MIRRORED, compare
from services.segmentation.time_zones import zone_named

Question = nodes.Compare | nodes.Member

HOUR, WEEKDAY, TIME_ZONE = "hour", "weekday", "timezone"
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a request tells, at the moment that it asks about."""

    at_ms: int
    zone: tzinfo
    """By whose clocks the hour and the weekday are."""
    values: Mapping[str, object] = field(default_factory=dict)
    """By dotted path."""
    as_text: bool = False
    """Whether the values come from a query string, where a number can only be written as text."""

    def value(self, path: str, literal: nodes.Literal) -> object:
        """What the request says at a path, to be compared with a constant; None where it says nothing."""
        if path in self.values:
            return self._read(path, self.values[path], literal)
        if path == HOUR:
            return local_time(self.at_ms, self.zone).hour
        if path == WEEKDAY:
            return local_time(self.at_ms, self.zone).isoweekday()
        return None

    def _read(self, path: str, value: object, literal: nodes.Literal) -> object:
        if path == WEEKDAY and isinstance(value, str) and (number := weekday_number(value)):
            return number
        if self.as_text and isinstance(value, str) and literal.kind in ("number", "boolean"):
            return _plain(value)
        return value


def clocks_for(told: Mapping[str, object], own: str | None, space: tzinfo) -> tzinfo:
    """By whose clocks a request is: those of the zone that it names, else of the user's `own`, else of the space."""
    zones = (zone_named(name) for name in (told.get(TIME_ZONE), own) if isinstance(name, str))
    return next((zone for zone in zones if zone is not None), space)


def weekday_number(name: str) -> int | None:
    """1 for Monday to 7 for Sunday, from the whole name or its first three letters; None for any other text."""
    wanted = name.lower()
    return next((number for number, day in enumerate(WEEKDAYS, start=1) if wanted in (day, day[:3])), None)


def questions(rule: nodes.Rule, composed: Mapping[str, Sequence[Question]]) -> tuple[Question, ...]:
    """What a rule asks the request, each once: itself, and through the segments that it is composed of."""
    asked: dict[Question, None] = {}
    for leaf in nodes.leaves(rule):
        if isinstance(leaf, nodes.InSegment):
            asked.update(dict.fromkeys(composed[leaf.segment_id]))
        elif isinstance(leaf, Question) and isinstance(nodes.term_of(leaf), nodes.Request):
            asked[leaf] = None
    return tuple(asked)


def answer(question: Question, facts: Facts) -> bool:
    """Whether a condition about the request is true of it."""
    if isinstance(question, nodes.Member):
        found = any(_equals(question.term, literal, facts) for literal in question.any_of)
        return found != question.negated
    request, symbol, literal = _oriented(question)
    return compare(facts.value(request.path, literal), symbol, literal)


def _equals(term: nodes.Term, literal: nodes.Literal, facts: Facts) -> bool:
    assert isinstance(term, nodes.Request)
    return compare(facts.value(term.path, literal), "==", literal)


def _oriented(question: nodes.Compare) -> tuple[nodes.Request, nodes.Operator, nodes.Literal]:
    """The comparison with the request on its left."""
    match question:
        case nodes.Compare(nodes.Request() as request, symbol, nodes.Literal() as literal):
            return request, symbol, literal
        case nodes.Compare(nodes.Literal() as literal, symbol, nodes.Request() as request):
            return request, MIRRORED[symbol], literal
    raise AssertionError(f"the parser lets no such comparison through: {question}")


def _plain(text: str) -> object:
    """A number or a boolean as people and machines write them (`08`, `True`); the text itself where it is neither."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdecimal() else float(text)
