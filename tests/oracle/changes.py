"""Tells changes by brute force: judges every segment at every moment at which it can change, and compares.

It remembers which facts there were and what it told, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

from services.segmentation.events import Event, Fact, ListEntry
from services.segmentation.rules.nodes import Rule
from tests.oracle.judge import judge, paths_asked
from tests.oracle.moments import moments

Rules = Mapping[str, Rule]
Purposes = Mapping[str, frozenset[int]]


class Line(NamedTuple):
    """A record of the log."""

    offset: int
    appended_ms: int
    fact: Fact


class Expected(NamedTuple):
    """A change that has to be told."""

    segment: str
    change: str
    at_ms: int
    cause: str
    offset: int | None = None
    corrects: "Expected | None" = None


@dataclass
class BruteForceTeller:
    rules: Rules
    zone: tzinfo = UTC
    purposes: Purposes = field(default_factory=dict)
    """By segment, those that a user with a consent record must have granted."""
    consent_required: bool = False
    facts: list[Fact] = field(default_factory=list)
    told: list[Expected] = field(default_factory=list)
    at_ms: int | None = None
    inside: set[str] = field(default_factory=set)
    edited: tuple[Rules, Purposes] | None = None
    """Rules and purposes after an edit that was not told of yet."""
    _since_edit: int = 0

    def edit(self, rules: Rules, purposes: Purposes) -> None:
        self.edited = rules, purposes

    def record(self, line: Line) -> None:
        if not self._counts(line.fact):
            return
        late = bool(self.facts) and line.fact.ts_ms < self._latest_ms
        self.catch_up(max(line.appended_ms, line.fact.ts_ms))
        self.facts.append(line.fact)
        assert self.at_ms is not None
        self._tell(self._level(self.at_ms), "late_event" if late else "event", line.offset)

    def catch_up(self, at_ms: int) -> None:
        """Time passes, and what was edited meanwhile is told."""
        at_ms = max([at_ms, self.at_ms or 0, *(fact.ts_ms for fact in self.facts)])
        self.time(at_ms)
        self.at_ms = at_ms
        if self.edited is not None:
            (self.rules, self.purposes), self.edited = self.edited, None
            if self.facts:
                self._tell(self._level(self.at_ms), "edit", None)
                self._since_edit = len(self.told)

    def time(self, until_ms: int) -> None:
        if not self.facts or self.at_ms is None:
            return
        possible = {moment for name in self._told_of for moment in self._moments(name)}
        for moment in sorted(at for at in possible if self.at_ms < at <= until_ms):
            now = self._level(moment)
            untold = self.inside - set(self._told_of)
            if now | untold != self.inside:
                self.at_ms = moment
                self._tell(now | untold, "time", None)

    def _tell(self, now: set[str], cause: str, offset: int | None) -> None:
        assert self.at_ms is not None
        for name in sorted(self.inside ^ now):
            change = "entered" if name in now else "left"
            corrects = self._disproved(name) if cause == "late_event" else None
            self.told.append(Expected(name, change, self.at_ms, cause, offset, corrects))
        self.inside = now

    def _disproved(self, name: str) -> Expected | None:
        """The last change told of a segment, if time should have caused it, and what is known by now says no."""
        told = [each for each in self.told[self._since_edit :] if each.segment == name]
        last = told[-1] if told else None
        if last is None or last.cause != "time" or last.at_ms <= self._latest_ms:
            return None
        return None if (name in self._level(last.at_ms)) == (last.change == "entered") else last

    def _level(self, at_ms: int) -> set[str]:
        return {name for name in self._told_of if self._permits(name) and self._holds(name, at_ms)}

    @property
    def _told_of(self) -> list[str]:
        """What is edited does not change by time any more: that is part of the edit."""
        told = [name for name, rule in self.rules.items() if not paths_asked(rule, self.rules)]
        return told if self.edited is None else [name for name in told if self._is_left_by(*self.edited, name)]

    def _is_left_by(self, rules: Rules, purposes: Purposes, name: str) -> bool:
        same_rule = rules.get(name) == self.rules[name]
        return same_rule and purposes.get(name, frozenset()) == self.purposes.get(name, frozenset())

    def _holds(self, name: str, at_ms: int) -> bool:
        return judge(self.rules[name], self.facts, at_ms, segments=self.rules, zone=self.zone)

    def _permits(self, name: str) -> bool:
        given = [fact for fact in self.facts if isinstance(fact, Event) and fact.purposes is not None]
        if not given:
            return not self.consent_required
        latest = max(given, key=lambda event: (event.ts_ms, event.event_id))
        return self.purposes.get(name, frozenset()) <= (latest.purposes or frozenset())

    def _moments(self, name: str) -> list[int]:
        return moments(self.rules[name], self.facts, segments=self.rules, zone=self.zone)

    @property
    def _latest_ms(self) -> int:
        return max(fact.ts_ms for fact in self.facts)

    def _counts(self, fact: Fact) -> bool:
        """Whether it is anything new: an event whose id is new, the newest entry of a list."""
        if isinstance(fact, Event):
            return fact.event_id not in {each.event_id for each in self.facts if isinstance(each, Event)}
        entries = [each for each in self.facts if isinstance(each, ListEntry) and each.list_id == fact.list_id]
        return all((each.ts_ms, each.event_id) < (fact.ts_ms, fact.event_id) for each in entries)
