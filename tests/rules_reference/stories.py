"""The small language of the examples in docs/rules.md: what happened to a user, and when the rule is true.

    clock 2026-11-18 12:00 Europe/Paris   what "now" is; the zone is that of the space (both may be left out)
    -2h page_view x3 category=style context.device.type=mobile trait.loyalty=gold
    -1d list vip until +3d                put on a list;  -1h unlist vip  takes the user off again
    segment regulars: count("page_view") >= 2
    request device.type=mobile            what the requests from here on tell
    now: in
    +30m: out

A moment is `now`, a duration before or after it, such as `-1d12h`, or a date and a time by the clocks of the zone.
A value is a number, a truth or a list where it reads as JSON, and text otherwise. `x3` is three events at once.
What is expected of a moment counts the lines above it, as far as they had happened by then.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.rules.durations import parse_duration

USER = "u"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOON = "2026-11-18 12:00"  # a Wednesday
_DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d"
_MOMENT = rf"(?:now|[+-](?:\d+(?:ms|[smhdw]))+|{_DATE})"
_CLOCK = re.compile(rf"clock ({_DATE}) (\S+)")
_SEGMENT = re.compile(r"segment (\S+): (.*)")
_REQUEST = re.compile(r"request ?(.*)")
_EXPECTED = re.compile(rf"({_MOMENT}): (in|out)")
_LISTED = re.compile(rf"({_MOMENT}) (list|unlist) (\S+)(?: until ({_MOMENT}))?")
_EVENT = re.compile(rf"({_MOMENT}) ([a-z_]+)(?: x(\d+))?((?: \S+=\S+)*)")


@dataclass(frozen=True)
class Expectation:
    """Whether the rule is true at a moment, for a request that tells this."""

    line: str
    at_ms: int
    holds: bool
    facts: Sequence[Fact]
    """What had happened by then."""
    request: Mapping[str, Any]


@dataclass
class Story:
    """A parsed example. Facts are in the order of its lines."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    now: str = _NOON
    facts: list[Fact] = field(default_factory=list)
    segments: dict[str, str] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)
    request: dict[str, Any] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def tell(self, line: str) -> None:
        """Take in a line. Raises ValueError for one that says nothing."""
        if match := _CLOCK.fullmatch(line):
            self.now, self.zone = match[1], ZoneInfo(match[2])
        elif match := _SEGMENT.fullmatch(line):
            self.segments[match[1]] = match[2]
        elif match := _REQUEST.fullmatch(line):
            self.request = _values(match[1])
        elif match := _EXPECTED.fullmatch(line):
            self.expectations.append(self._expectation(line, self._ms(match[1]), holds=match[2] == "in"))
        elif match := _LISTED.fullmatch(line):
            self.facts.append(self._entry(*match.groups()))
        elif match := _EVENT.fullmatch(line):
            at_ms, values = self._ms(match[1]), _values(match[4])
            self.facts += [self._event(match[2], at_ms, values) for _ in range(int(match[3] or 1))]
        else:
            raise ValueError(f"a line that says nothing: {line!r}")

    def _expectation(self, line: str, at_ms: int, *, holds: bool) -> Expectation:
        facts = [fact for fact in self.facts if fact.ts_ms <= at_ms]
        return Expectation(line, at_ms, holds, facts, dict(self.request))

    def _entry(self, moment: str, verb: str, list_id: str, until: str | None) -> ListEntry:
        until_ms = None if until is None else self._ms(until)
        at_ms, entry_id = self._ms(moment), f"e{next(self.ids):04}"
        return ListEntry(entry_id, USER, list_id, at_ms, listed=verb == "list", until_ms=until_ms)

    def _event(self, event_type: str, at_ms: int, values: Mapping[str, Any]) -> Event:
        traits = {name.removeprefix("trait."): value for name, value in values.items() if name.startswith("trait.")}
        properties = {name: value for name, value in values.items() if not name.startswith(("trait.", "context."))}
        return Event(
            f"e{next(self.ids):04}",
            USER,
            event_type,
            at_ms,
            properties=properties,
            context=_context(values),
            traits=traits,
        )

    def _ms(self, moment: str) -> int:
        if re.fullmatch(_DATE, moment):
            local = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=self.zone)
            return (local - _EPOCH) // timedelta(milliseconds=1)
        elapsed_ms = sum(parse_duration(each) for each in re.findall(r"\d+(?:ms|[smhdw])", moment))
        return self._ms(self.now) + (-elapsed_ms if moment.startswith("-") else elapsed_ms)


def read_story(text: str) -> Story:
    story = Story()
    for line in filter(None, map(str.strip, text.splitlines())):
        story.tell(line)
    return story


def _values(text: str) -> dict[str, Any]:
    return {name: _value(value) for name, _, value in (pair.partition("=") for pair in text.split())}


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _context(values: Mapping[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for path, value in values.items():
        _, *names = path.split(".")
        if path.startswith("context."):
            place = context
            for name in names[:-1]:
                place = place.setdefault(name, {})
            place[names[-1]] = value
    return context
