"""Everything that a run has found out, as it grows. It goes into a file and comes back the same."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from loadtests.load.measured.tally import Tallies


@dataclass
class Generator:
    """What a generator process tells of itself."""

    cpu_share: float = 0.0
    """The part of a core that it used, since its load began; 1 is all that a process has."""
    unsent: int = 0
    waiting: int = 0
    """The most requests that ever waited there for a connection."""


class LagSample(NamedTuple):
    at_s: float
    """From the beginning of the run."""
    records: int
    """In the log and not applied, in all partitions."""
    worst_partition: int
    worst_records: int


MOST_TIMES = 1_200
"""What is kept apart by time, at most: a day of seconds would take gigabytes."""


@dataclass
class Measured:
    tallies: Tallies = field(default_factory=Tallies)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    """By kind, of the whole run so far with its warm-up: for those who watch."""
    width: int = 1
    """So many seconds are taken together."""
    generators: dict[str, Generator] = field(default_factory=dict)
    lag: list[LagSample] = field(default_factory=list)
    spent: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """By role: cpu_s, work, turned_away, restarts, memory_bytes, per_thousand_s, memory_growth_mb_per_h."""
    partitions: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    """That were measured, which is less than asked for where the run was stopped."""
    complaints: list[str] = field(default_factory=list)
    """Why what was measured cannot be relied on."""
    notes: list[str] = field(default_factory=list)

    def hear(self, name: str, told: dict[str, Any]) -> None:
        """What the process `name` tells."""
        tallies = Tallies.from_json(told["tallies"])
        self.tallies.add(tallies, self.width)
        for (_, kind), tally in tallies.by_second.items():
            self.outcomes.setdefault(kind, Counter()).update(tally.outcomes)
        if "unsent" in told:
            share = told["cpu_s"] / told["up_s"] if told["up_s"] else 0.0
            self.generators[name] = Generator(share, told["unsent"], told["waiting"])

    @classmethod
    def of_seconds(cls, seconds: float) -> Self:
        """For a run of so many."""
        return cls(width=math.ceil(seconds / MOST_TIMES))

    @property
    def whole_seconds(self) -> int:
        return math.ceil(self.seconds)
