"""`python -m loadtests.bench scale`: what can be asked of it, and what it does then."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from loadtests.bench.lookups.product import default_command
from loadtests.bench.machine import described, load_average
from loadtests.bench.options import add_shared, numbers
from loadtests.bench.report import Report, Table, publish
from loadtests.bench.scale.growth import Growth, Step, used_bytes
from loadtests.bench.workers.contestants import put_segments, tranche
from loadtests.bench.workers.segments import segments
from loadtests.bench.workers.stage import set_stage

HELP = "millions of users on this machine: what each takes, the more there are"
DESCRIPTION = """\
Lets one store grow, and measures on the way what a user takes in Redis, an event in the worker, in Redis and in Kafka,
and a lookup in the API and in Redis. Unit costs that stay level are what docs/scaling.md reckons with.

  python -m loadtests.bench scale                              up to a million users, some minutes
  python -m loadtests.bench scale --users 100000,10000000      up to ten million: 12 GB of memory and 15 of disk
  python -m loadtests.bench scale --events-each 5              users who have done more
"""
READING = """\
Kafka, Redis and the load share one core, worker and API take turns on the other. Redis writes no file here. On a
machine where other things run, believe microseconds: waiting for a core does not count there.
"""
_HEADERS = [
    *("users", "events", "Redis B a user", "Kafka B an event", "events/s", "worker us an event", "Redis us an event"),
    *("Kafka us an event", "worker RSS MB", "API us a lookup", "Redis us a lookup"),
]
NOTE = "Users are all new: every event reads a profile that is not there, and none is answered from the worker's cache."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser, seconds=5, rounds=1)
    parser.add_argument(
        "--users", type=numbers, default=[10_000, 100_000, 1_000_000], metavar="N,…", help="sizes, ascending"
    )
    parser.add_argument("--events-each", type=int, default=1, help="events of a user (default %(default)s)")
    parser.add_argument("--segments", type=int, default=50, help="in the catalog (default %(default)s)")
    parser.add_argument("--tranche", type=Path, default=default_command(), help="command to measure (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Raises BenchError."""
    with set_stage(options.tranche, redis_options=()) as stage:
        catalog = segments(options.segments)
        kept = put_segments(stage, catalog)
        stage.empty_redis(kept)
        file = stage.folder / "segments.json"
        file.write_text(json.dumps({"segments": catalog}))
        empty_bytes = used_bytes(stage)
        growth = Growth(stage, tranche(kept), file, options.events_each, options.seconds)
        steps = list(growth.through(sorted(options.users)))
    facts = {**described(), "segments": str(options.segments), "load average": f"{load_average():.1f}"}
    report = Report("Growth", facts, [_table(steps, empty_bytes)], notes=[NOTE])
    report.samples += [asdict(step) for step in steps]
    publish(report, options.out, "scale")
    return 0


def _table(steps: Sequence[Step], empty_bytes: int) -> Table:
    rows = [_row(step, empty_bytes, steps[: index + 1]) for index, step in enumerate(steps)]
    return Table("What each takes", _HEADERS, rows)


def _row(step: Step, empty_bytes: int, so_far: Sequence[Step]) -> list[str]:
    events = sum(each.events for each in so_far)
    return [
        f"{step.users:,}",
        f"{step.events:,}",
        f"{(step.redis_bytes - empty_bytes) / step.users:.0f}",
        f"{step.log_bytes / events:.0f}",
        f"{step.events / step.seconds:,.0f}",
        *(f"{us:.1f}" for us in (step.worker_us, step.redis_us, step.kafka_us)),
        f"{step.worker_rss_bytes / 1e6:.0f}",
        *(f"{us:.1f}" for us in (step.lookups.server_us, step.lookups.redis_us)),
    ]
