"""`python -m loadtests.bench batch`: what can be asked of it, and what it does then."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtests.bench.batch.stage import CLUSTER, set_stage
from loadtests.bench.figures import Budget, Finding, ratios
from loadtests.bench.lookups.cli import add_data
from loadtests.bench.lookups.comparison import OURS, ClosedRounds, Pace, at_their_most
from loadtests.bench.lookups.findings import NOTES, closed_samples, closed_table
from loadtests.bench.lookups.measure import Case
from loadtests.bench.lookups.skew import ZIPF, asked
from loadtests.bench.lookups.stage import Wanted
from loadtests.bench.machine import Cores, described, load_average
from loadtests.bench.options import add_shared, numbers
from loadtests.bench.processes import Servers
from loadtests.bench.report import Report, publish

BATCHES = 50
"""Different requests; then they begin anew."""

HELP = "lookups of a thousand users at a time: beside nginx with one MGET, and on a Redis Cluster"
DESCRIPTION = """\
How many users a second Tranche answers for when it is asked for many at once (POST /v1/lookup), on one core: beside
nginx + Lua that joins as many ready-made answers out of one MGET, and on a Redis Cluster of three primaries.

  python -m loadtests.bench batch
  python -m loadtests.bench batch --users-each 100 --connections 4
"""
READING = """\
The budget is the second of the two: what a cluster leaves of the rate on a single Redis. All three primaries share one
core with the generator, so that their own work is not what differs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser, seconds=5, rounds=3)
    parser.add_argument(
        "--users-each", type=int, default=1000, metavar="N", help="users a request (default %(default)s)"
    )
    parser.add_argument("--connections", type=numbers, default=[2], metavar="N,…", help="kept open (default 2)")
    add_data(parser, users=5_000)


def run(options: argparse.Namespace) -> int:
    """Raises BenchError."""
    cores, pace = Cores.of_this_machine(), Pace(options.seconds, options.rounds)
    wanted = Wanted(options.tranche, options.users, options.segments, ("nginx", "tranche"), options.data)
    with tempfile.TemporaryDirectory(prefix="tranche-bench-") as name, Servers(Path(name)) as servers:
        contenders = set_stage(servers, Path(name), cores, wanted)
        file = _write_bodies(Path(name) / "bodies.txt", wanted.user_ids, options.users_each)
        cases = [
            Case(f"{options.users_each} users at a time", file, each, options.users_each)
            for each in options.connections
        ]
        results = [(case, at_their_most(contenders, case, pace, cores)) for case in cases]
    publish(_report(results, wanted), options.out, "batch")
    return 0


def _write_bodies(file: Path, user_ids: Sequence[str], users_each: int) -> Path:
    users = iter(asked(user_ids, ZIPF, users_each * BATCHES))
    bodies = [{"user_ids": [next(users) for _ in range(users_each)]} for _ in range(BATCHES)]
    file.write_text("".join(f"{json.dumps(each)}\n" for each in bodies))
    return file


def _report(results: Sequence[tuple[Case, ClosedRounds]], wanted: Wanted) -> Report:
    data = {"users": f"{wanted.users:,}", "segments": str(wanted.segments), "load average": f"{load_average():.1f}"}
    report = Report("Lookups of many users", {**described(), **data}, notes=list(NOTES))
    for case, closed in results:
        report.findings += _findings(case, closed)
        report.tables.append(closed_table(str(case), closed))
        report.samples += closed_samples(closed)
    return report


def _findings(case: Case, closed: ClosedRounds) -> list[Finding]:
    """What a cluster leaves of the rate, and of the users that a CPU second answers for. Raises BenchError."""
    rate = Budget(f"users/s, cluster by single Redis, {case}", must=0.8)
    cpu = Budget(f"users per CPU second, cluster by single Redis, {case}", must=0.8)
    clustered, single = closed[CLUSTER], closed[OURS]
    return [
        Finding(rate, ratios([each.rate for each in clustered], [each.rate for each in single])),
        Finding(cpu, ratios([each.server_us for each in single], [each.server_us for each in clustered])),
    ]
