"""When a rule was true of one user, as it was known at each moment, and when it will be if nothing else happens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from services.rule_tools.trial import Steps, Trial
from services.segmentation.events import Fact
from services.segmentation.intervals import Intervals, contains, from_steps, spans
from services.segmentation.profile import Profile, add_all

WEEK_MS = 7 * 24 * 3_600_000
"""How far a rule that asks the clock is followed: it comes and goes for ever."""

Span = tuple[int, int | None]
"""From a moment until another; None where no end is in sight."""


@dataclass(frozen=True, slots=True)
class Timeline:
    facts: tuple[Fact, ...]
    """What had happened up to `at_ms`, in the order of time; at least one."""
    at_ms: int
    """Where the past ends."""
    moments: Intervals
    told_until_ms: int | None
    """Where it ends altogether; None where it tells everything."""

    @property
    def begins_ms(self) -> int:
        return self.facts[0].ts_ms

    @property
    def holds(self) -> bool:
        """Whether the rule is true at `at_ms`."""
        return contains(self.moments, self.at_ms)

    @property
    def spans(self) -> list[Span]:
        return [(since_ms, self._end(until_ms)) for since_ms, until_ms in spans(self.moments)]

    @property
    def past(self) -> list[Span]:
        """The spans, up to `at_ms`."""
        ended = ((since_ms, _earlier(until_ms, self.at_ms)) for since_ms, until_ms in self.spans)
        return [(since_ms, until_ms) for since_ms, until_ms in ended if since_ms < until_ms]

    @property
    def future(self) -> list[Span]:
        """The spans, from `at_ms` on."""
        return [
            (max(since_ms, self.at_ms), until_ms)
            for since_ms, until_ms in self.spans
            if until_ms is None or until_ms > self.at_ms
        ]

    def _end(self, until_ms: int | None) -> int | None:
        return self.told_until_ms if until_ms is None else until_ms


def timeline(trial: Trial, facts: Iterable[Fact], at_ms: int) -> Timeline | None:
    """Replay what happened up to `at_ms`, each fact at its own time; None where nothing had happened yet."""
    known = sorted((fact for fact in facts if fact.ts_ms <= at_ms), key=lambda fact: fact.ts_ms)
    if not known:
        return None
    told_until_ms = at_ms + WEEK_MS if trial.asks_the_clock else None
    return Timeline(tuple(known), at_ms, from_steps(_steps(trial, known, told_until_ms)), told_until_ms)


def _steps(trial: Trial, facts: Iterable[Fact], told_until_ms: int | None) -> Steps:
    profiles = list(_profiles(trial, facts))
    ends_ms = [*(profile.latest_ms for profile in profiles[1:]), told_until_ms]
    for profile, end_ms in zip(profiles, ends_ms, strict=True):
        yield from trial.steps(profile, profile.latest_ms, end_ms)


def _profiles(trial: Trial, facts: Iterable[Fact]) -> Iterator[Profile]:
    """What was known after each moment at which something happened."""
    profile: Profile | None = None
    for _, together in groupby(facts, key=lambda fact: fact.ts_ms):
        profile = add_all(profile, together, trial.keep)
        assert profile is not None
        yield profile


def _earlier(first_ms: int | None, second_ms: int) -> int:
    return second_ms if first_ms is None else min(first_ms, second_ms)
