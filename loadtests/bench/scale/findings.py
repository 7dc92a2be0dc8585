"""What was measured of a store that grows: each unit cost at all sizes, side by side, and by how much it grew. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtests.bench.figures import times
from loadtests.bench.report import Table


@dataclass(frozen=True)
class Step:
    """What was measured on the way to `users` users. Microseconds are of CPU, for one event or one lookup."""

    users: int
    events: int
    """Of this step alone."""
    redis_bytes: int
    """All that Redis holds of users."""
    log_bytes_an_event: float
    """On Kafka's disk, of all events so far."""
    worker_us: float
    redis_us: float
    kafka_us: float
    worker_rss_bytes: int
    resident_bytes: int
    """Of all that takes part, the bench itself included."""
    seconds: float
    lookups_per_s: float
    lookup_us: float
    lookup_redis_us: float


_ROWS: Sequence[tuple[str, Callable[[Step], float], str]] = (
    ("Redis, bytes a user", lambda step: step.redis_bytes / step.users, ",.0f"),
    ("Kafka, bytes an event", lambda step: step.log_bytes_an_event, ",.0f"),
    ("worker, us an event", lambda step: step.worker_us, ".1f"),
    ("Redis, us an event", lambda step: step.redis_us, ".2f"),
    ("Kafka, us an event", lambda step: step.kafka_us, ".2f"),
    ("events applied/s", lambda step: step.events / step.seconds, ",.0f"),
    ("worker, RSS MB", lambda step: step.worker_rss_bytes / 1e6, ",.0f"),
    ("API, us a lookup", lambda step: step.lookup_us, ".1f"),
    ("Redis, us a lookup", lambda step: step.lookup_redis_us, ".2f"),
    ("lookups/s", lambda step: step.lookups_per_s, ",.0f"),
    ("all together, RSS GB", lambda step: step.resident_bytes / 1e9, ".2f"),
)


def growth_table(steps: Sequence[Step]) -> Table:
    """The last column is the last size by the first."""
    headers = ["", *(f"{step.users:,} users" for step in steps), "growth"]
    return Table("What each takes", headers, [_row(steps, *row) for row in _ROWS])


def _row(steps: Sequence[Step], name: str, figure: Callable[[Step], float], form: str) -> list[str]:
    found = [figure(step) for step in steps]
    growth = times(found[-1] / found[0]) if len(found) > 1 and found[0] else ""
    return [name, *(format(each, form) for each in found), growth]
