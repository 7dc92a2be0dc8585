"""A small catalog, one user, an ad request and a space's zone, drawn together: all that the language speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from services.segmentation.events import Event, Fact
from services.segmentation.rules.nodes import Rule, Term
from tests.oracle.clocks import clock_of_request, first_instant
from tests.oracle.history_strategies import histories, listings
from tests.oracle.judge import first_arrivals, judge, paths_asked
from tests.oracle.model_strategies import models
from tests.oracle.models import Trained
from tests.oracle.moments import hours, moments
from tests.oracle.pools import DAYS_BY_ZONE, NOON_MS, NOT_ZONES
from tests.oracle.rule_strategies import catalogs
from tests.oracle.strategies import aimed


@dataclass(frozen=True)
class World:
    segments: Mapping[str, Rule]
    facts: list[Fact]
    """Of one user, in order of arrival; nobody knows him if there is none."""
    request: Mapping[str, Any]
    zone_name: str
    around_ms: int
    """The moment that his events are around, and one to ask about a user without any."""
    models: Mapping[str, Trained] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.zone_name)

    def is_in(self, segment_id: str, at_ms: int) -> bool:
        """What the judge says."""
        rule = self.segments[segment_id]
        return judge(
            rule, self.facts, at_ms, segments=self.segments, request=self.request, zone=self.zone, models=self.models
        )

    def asks_the_clock(self, segment_id: str) -> bool:
        """Whether it depends on an hour or a weekday that the request does not name."""
        asked = paths_asked(self.segments[segment_id], self.segments)
        return bool(asked & {"hour", "weekday"} - self.request.keys())

    def moments(self, segment_id: str) -> list[int]:
        """Where its truth can change; where clocks are asked, as far as two days of hours and a week go."""
        rule = self.segments[segment_id]
        found = [self.around_ms]
        if self.facts:
            found = moments(rule, self.facts, segments=self.segments, zone=self.zone, models=self.models)
        if self.asks_the_clock(segment_id):
            events = first_arrivals([fact for fact in self.facts if isinstance(fact, Event)])
            turns = hours(found[0], clock_of_request(self.request, events, self.zone))
            found = sorted({*found, *turns, *(at - 1 for at in turns)})
        return found


_words: st.SearchStrategy[Any] = st.sampled_from(["a", "a", "b", 1, True, None, "1", 1.0, [], "\U0001f45f"])
_told: dict[str, st.SearchStrategy[Any]] = {"device.type": _words, "geo.country": _words, "channel": _words}
_zone_names = st.sampled_from([*DAYS_BY_ZONE, *DAYS_BY_ZONE, *NOT_ZONES])
_overrides: dict[str, st.SearchStrategy[Any]] = {
    "hour": st.sampled_from([18, *range(24)]) | st.sampled_from(["18", 18.0, 99]),
    "weekday": st.integers(1, 7),
}
_requests = st.fixed_dictionaries({}, optional={**_told, "timezone": _zone_names})
_requests |= _requests | st.fixed_dictionaries({}, optional={**_told, "timezone": _zone_names, **_overrides})
_moments_by_zone = {
    name: [first_instant(day, ZoneInfo(name)) + later_ms for day in days for later_ms in (0, 3_600_000, 12 * 3_600_000)]
    for name, days in DAYS_BY_ZONE.items()
}


@st.composite
def worlds(draw: st.DrawFn, *, with_models: bool = False) -> World:
    """A user's facts lie around the beginning of a day that tells zones and calendars apart."""
    segments, request = draw(catalogs(with_models=with_models)), draw(_requests)
    trained = draw(models()) if with_models else {}
    zone_name = draw(st.sampled_from(sorted(_moments_by_zone)))
    around_ms = draw(st.sampled_from(_moments_by_zone[zone_name]))
    facts = draw(_facts([*segments.values(), *(term for each in trained.values() for term in each.terms)]))
    moved = [_moved(fact, around_ms - NOON_MS) for fact in facts]
    return World(segments, moved, request, zone_name, around_ms, trained)


@st.composite
def _facts(draw: st.DrawFn, rules: list[Rule | Term]) -> list[Fact]:
    tells = draw(st.sampled_from([*("events", "events and lists") * 4, "lists", "nothing"]))
    facts: list[Fact] = []
    if "events" in tells:
        facts += aimed(draw, draw(histories(max_events=10)), rules)
    for entry in draw(listings()) if "lists" in tells else []:
        facts.insert(draw(st.integers(0, len(facts))), entry)
    return facts


def _moved(fact: Fact, by_ms: int) -> Fact:
    if isinstance(fact, Event):
        return replace(fact, ts_ms=max(0, fact.ts_ms + by_ms))
    until_ms = None if fact.until_ms is None else fact.until_ms + by_ms
    return replace(fact, ts_ms=fact.ts_ms + by_ms, until_ms=until_ms)
