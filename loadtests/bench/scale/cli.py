"""`python -m loadtests.bench scale`: what can be asked of it, and what it does then."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from loadtests.bench.lookups.product import default_command
from loadtests.bench.machine import described, load_average
from loadtests.bench.options import add_shared, numbers
from loadtests.bench.progress import say
from loadtests.bench.report import Report, publish
from loadtests.bench.scale.bounds import Bounds
from loadtests.bench.scale.findings import Step, growth_table
from loadtests.bench.scale.growth import Growth
from loadtests.bench.workers.contestants import put_segments, tranche
from loadtests.bench.workers.segments import segments
from loadtests.bench.workers.stage import Stage, set_stage

HELP = "millions of users on this machine: what each takes, the more there are"
DESCRIPTION = """\
Lets one store grow, and measures on the way what a user takes in Redis, an event in the worker, in Redis and in Kafka,
and a lookup in the API and in Redis. Unit costs that stay level are what docs/scaling.md reckons with.

  python -m loadtests.bench scale                              up to a million users, some minutes
  python -m loadtests.bench scale --users 100000,1000000,10000000
                                                               up to ten million: 12 GB of memory and 15 of disk
  python -m loadtests.bench scale --minutes 20 --memory-gb 6   as far as that lets it; what was reached is told
  python -m loadtests.bench scale --events-each 5              users who have done more
"""
READING = """\
Ctrl-C stops and deletes everything, and tells what was measured until then.

Kafka, Redis and the load share one core, worker and API take turns on the other. Redis writes no file here. On a
machine where other things run, believe microseconds: waiting for a core does not count there.
"""
NOTE = "Users are all new: every event reads a profile that is not there, and none is answered from the worker's cache."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser, seconds=5, rounds=1)
    parser.add_argument(
        "--users", type=numbers, default=[10_000, 100_000, 1_000_000], metavar="N,…", help="sizes, ascending"
    )
    parser.add_argument("--events-each", type=int, default=1, help="events of a user (default %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=120, help="after which the store grows no more (default %(default)g)"
    )
    parser.add_argument(
        "--memory-gb",
        type=float,
        default=12,
        metavar="GB",
        help="of all processes together, with which it grows no more (default %(default)g)",
    )
    parser.add_argument("--segments", type=int, default=50, help="in the catalog (default %(default)s)")
    parser.add_argument("--tranche", type=Path, default=default_command(), help="command to measure (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Raises BenchError. What was measured until an interruption is told, too."""
    steps: list[Step] = []
    try:
        with set_stage(options.tranche, redis_options=()) as stage:
            steps.extend(_grown(stage, options))
    except KeyboardInterrupt:
        say(f"\ninterrupted: everything is stopped and deleted; {len(steps)} sizes were measured")
        _publish(steps, options)
        raise
    _publish(steps, options)
    return 0


def _grown(stage: Stage, options: argparse.Namespace) -> Iterator[Step]:
    catalog = segments(options.segments)
    kept = put_segments(stage, catalog)
    stage.empty_redis(kept)
    file = stage.folder / "segments.json"
    file.write_text(json.dumps({"segments": catalog}))
    bounds = Bounds.of(options.minutes, options.memory_gb)
    growth = Growth(stage, tranche(kept), file, options.events_each, options.seconds, bounds)
    yield from growth.through(sorted(options.users))


def _publish(steps: Sequence[Step], options: argparse.Namespace) -> None:
    if steps:
        facts = {**described(), "segments": str(options.segments), "load average": f"{load_average():.1f}"}
        report = Report("Growth", facts, [growth_table(steps)], notes=[NOTE])
        report.samples += [asdict(step) for step in steps]
        publish(report, options.out, "scale")
