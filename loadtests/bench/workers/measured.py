"""What was measured of workers, and the arithmetic on it. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loadtests.bench.errors import BenchError
from loadtests.bench.workers.events import Json

OURS = "tranche"
PEERS = {
    "bytewax": "bytewax_events",
    "bytewax-batches": "bytewax_batches",
    "quix": "quix_app",
    "quix-bytes": "quix_bytes",
    "quix-newest": "quix_newest",
}
"""Modules of `loadtests.peers.workers` by the name that they go by here."""
RETAINED = 256
"""Events of a type that the product keeps of a user."""
_USER_BYTES, _EVENT_BYTES = 1024, 24
"""The budget: so much a user, and so much for each event that is kept."""
_CLOCK_PART = 0.97
"""CPU is told in hundredths of a second."""
_KINDS = {"s": "profiles", "m": "memberships", "users": "index by last seen"}
_KEY = re.compile(rb"\{p\d+\}:([a-z]+)")


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock, and of computing by the contestant and by the servers that it uses."""

    events: int
    wall_s: float
    cpu_s: float
    redis_cpu_s: float
    kafka_cpu_s: float
    rss_bytes: int
    """Of the contestant, at its highest."""
    load: float
    """Processes that wanted a core in the last minute."""
    processes: int = 1
    """Of the contestant, each of which has a core at most."""

    @property
    def per_s(self) -> float:
        """At most, where the clock fails."""
        return self.events / max(self.wall_s, self._least_s)

    @property
    def clock_fails(self) -> bool:
        """Whether it computed for longer than the clock says. That is no speed: a start that was taken off waited for
        something that the long run did not wait for."""
        return self.wall_s < self._least_s * _CLOCK_PART

    @property
    def _least_s(self) -> float:
        return self.cpu_s / self.processes

    @property
    def per_cpu_s(self) -> float:
        return self.events / self.cpu_s

    def beyond(self, start: "Spent") -> "Spent":
        """What this took beyond a shorter run. Raises BenchError where that computed more after all."""
        spent = Spent(
            self.events - start.events,
            self.wall_s - start.wall_s,
            self.cpu_s - start.cpu_s,
            self.redis_cpu_s - start.redis_cpu_s,
            self.kafka_cpu_s - start.kafka_cpu_s,
            self.rss_bytes,
            self.load,
            self.processes,
        )
        if min(spent.events, spent.cpu_s) <= 0:
            raise BenchError("a start took more than the whole backlog: take more --events, on a machine less busy")
        return spent


Rounds = Mapping[str, Sequence[Spent]]
"""By contestant, one of each round."""


@dataclass(frozen=True)
class Memory:
    what: str
    users: int
    retained: int
    """Events that are kept, of all users."""
    used_bytes: int
    by_kind: Mapping[str, int]
    """Bytes by kind of key, as MEMORY USAGE has them: without the slots of Redis' own table of keys."""

    @property
    def of_budget(self) -> float:
        """The part of the budget that is used."""
        return self.used_bytes / (self.users * _USER_BYTES + self.retained * _EVENT_BYTES)


def retained(events: Iterable[Json]) -> int:
    """How many of the events the product keeps: of each user the newest of each type."""
    counts = Counter((event["user_id"], event["type"]) for event in events)
    return sum(min(RETAINED, count) for count in counts.values())


def kind_of(key: bytes) -> str:
    """What a key of the product holds."""
    found = _KEY.match(key)
    return _KINDS.get(found[1].decode(), "sizes of segments, watermarks") if found else "catalog"
