"""What /metrics of a service tells that a load test wants to know: CPU used, work done, what was turned away."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from loadtests.load.measured.memory import MemoryGrowth

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{[^}]*\})? ([-+.\deEinfNa]+)", re.MULTILINE)

WORK = {
    "api": ("tranche_api_lookups_total", "lookups"),
    "collector": ("tranche_collector_events_total", "events"),
    "worker": ("tranche_worker_records_applied_total", "events"),
}
"""The counter of what a role does, and what it counts."""
TURNED_AWAY = 'tranche_api_shed_total{request="lookup"}'
REMEMBERED = "tranche_api_remembered_bytes"
"""Of answers, up to a limit that only hours of traffic reach."""
CACHED = "tranche_worker_cached_events"
"""Of users, up to a limit that takes a while to reach."""


@dataclass(frozen=True)
class Usage:
    """Of one process, at one moment. `started_s` tells processes at the same address apart."""

    cpu_s: float
    work: float
    turned_away: float
    memory_bytes: float
    started_s: float
    remembered_bytes: float = 0.0
    cached: float = 0.0


@dataclass
class Spent:
    """What a role's processes used from `since_s` on, of time.time(). Several may answer at one address in turn."""

    since_s: float
    cpu_s: float = 0.0
    work: float = 0.0
    turned_away: float = 0.0
    restarts: int = 0
    memory_bytes: float = 0.0
    """The most that one of them had."""
    latest: dict[tuple[str, float], Usage] = field(default_factory=dict)
    growths: defaultdict[tuple[str, float], MemoryGrowth] = field(default_factory=lambda: defaultdict(MemoryGrowth))

    def see(self, address: str, usage: Usage, at_s: float) -> None:
        """`at_s` rises from one to the next."""
        process = (address, usage.started_s)
        self.growths[process].see(at_s, usage.memory_bytes, usage.remembered_bytes, usage.cached)
        before = self.latest.get(process)
        self.latest[process] = usage
        self.memory_bytes = max(self.memory_bytes, usage.memory_bytes)
        if before is None and usage.started_s > self.since_s:
            before = Usage(0, 0, 0, 0, usage.started_s)
            self.restarts += 1
        if before is not None:
            self.cpu_s += usage.cpu_s - before.cpu_s
            self.work += usage.work - before.work
            self.turned_away += usage.turned_away - before.turned_away

    @property
    def per_thousand_s(self) -> float | None:
        """CPU seconds for a thousand units of work."""
        return self.cpu_s / self.work * 1000 if self.work else None

    @property
    def memory_growth_mb_per_h(self) -> float | None:
        """That of the process that grows most; None where none was there for long enough, or a cache was filling."""
        if self.was_filling:
            return None
        return max((mb for each in self.growths.values() if (mb := each.mb_per_h) is not None), default=None)

    @property
    def was_filling(self) -> bool:
        """Whether the cache of one of them was, so that nothing can be said of its memory."""
        return any(each.was_filling for each in self.growths.values())


def read_usage(role: str, text: str) -> Usage | None:
    """None of what is no metrics of such a service."""
    samples = {name + labels: float(value) for name, labels, value in _SAMPLE.findall(text)}
    counter = WORK[role][0]
    if "process_cpu_seconds_total" not in samples or counter not in text:
        return None
    return Usage(
        samples["process_cpu_seconds_total"],
        sum(value for name, value in samples.items() if name.partition("{")[0] == counter),
        samples.get(TURNED_AWAY, 0.0),
        samples.get("process_resident_memory_bytes", 0.0),
        samples.get("process_start_time_seconds", 0.0),
        samples.get(REMEMBERED, 0.0),
        samples.get(CACHED, 0.0),
    )
