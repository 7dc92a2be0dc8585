"""What whoever starts a run decides."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.load.control.errors import CannotRun
from loadtests.load.control.probe_segment import ProbeSegment
from loadtests.load.control.sampler import Source
from loadtests.load.measured.memory import LONG_ENOUGH_S
from loadtests.load.measured.validity import LEAST_SECONDS
from loadtests.load.traffic.actions import Action, batch, event, lookup, page
from loadtests.load.traffic.plan import Target
from loadtests.load.traffic.scenarios import SCENARIOS, Scenario

_ASKS: Mapping[Action, frozenset[str]] = {
    lookup: frozenset({"lookup"}),
    event: frozenset({"event"}),
    page: frozenset({"lookup", "event"}),
    batch: frozenset({"batch"}),
}


PER_PROCESS = 3_000.0
"""Arrivals a second that one generator process manages with room to spare."""


@dataclass(frozen=True)
class Options:
    """Rates are a second. `past` of the busiest users get events before the run; `probe` None: no freshness.
    `processes` 0: as many as the rate takes."""

    scenario: str
    target: Target
    rate: float
    seconds: float
    warm_up_s: float
    thresholds: Path
    seed: int = 1
    users: int = 10_000
    exponent: float = 0.9
    past: int = 5_000
    connections: int = 64
    timeout_s: float = 5.0
    processes: int = 0
    probes_per_s: float = 5.0
    probe: ProbeSegment | None = None
    sources: tuple[Source, ...] = ()
    finds_workers: bool = False
    """Whether workers are looked for beside those."""

    @property
    def asks(self) -> set[str]:
        """The kinds of requests that the scenario makes."""
        return set().union(*(_ASKS[action] for _, action in scenario_of(self.scenario).actions))

    @property
    def parts(self) -> Mapping[str, bool]:
        """By the beginning of figures' names: whether the run has them."""
        roles = {
            "cpu": bool(self.sources),
            "memory": bool(self.sources) and self.seconds >= LONG_ENOUGH_S,
            "lag": self.target.api is not None,
            "freshness": self.probe is not None,
        }
        return {kind: kind in self.asks for kind in ("lookup", "batch", "event")} | roles

    def processes_at(self, rate: float) -> int:
        return self.processes or math.ceil(rate / PER_PROCESS)

    def check(self) -> None:
        """Raises CannotRun where what is asked for does not go together."""
        asks, target = self.asks, self.target
        if asks & {"lookup", "batch"} and target.api is None:
            raise CannotRun(f"{self.scenario} makes lookups: tell where the API is, --api URL")
        if "event" in asks and target.collector is None and target.kafka is None:
            raise CannotRun(f"{self.scenario} sends events: tell where to, --collector URL or --kafka SERVERS")
        if self.probe is not None and (target.api is None or target.collector is None):
            raise CannotRun("freshness takes the API and the collector: name both, or use --no-freshness")
        if self.past and target.collector is None:
            raise CannotRun("without --collector users cannot be given a past: use --past 0")
        if self.seconds < LEAST_SECONDS:
            raise CannotRun(f"less than {LEAST_SECONDS:g} s say nothing: raise --seconds")
        if self.rate <= 0 or self.users < 2 or self.exponent <= 0:
            raise CannotRun("--rate and --zipf have to be above 0, and --users above 1")

    def as_json(self) -> dict[str, Any]:
        """What a report tells of them; no key."""
        target = self.target
        urls = {"api": target.api, "collector": target.collector, "kafka": target.kafka}
        names = ("scenario", "rate", "seconds", "warm_up_s", "seed", "users", "exponent", "past")
        more = ("connections", "timeout_s", "processes", "probes_per_s")
        return {name: getattr(self, name) for name in (*names, *more)} | urls


def scenario_of(name: str) -> Scenario:
    """Raises CannotRun where there is none of the name."""
    if name not in SCENARIOS:
        raise CannotRun(f"there is no scenario {name}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
