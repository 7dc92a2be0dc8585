"""`python -m loadtests.bench workers`: what can be asked of it, and what it does then."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.product import default_command
from loadtests.bench.machine import described, load_average
from loadtests.bench.options import names
from loadtests.bench.report import Report, publish
from loadtests.bench.workers import comparison, findings, memory
from loadtests.bench.workers.events import Workload
from loadtests.bench.workers.stage import Stage, set_stage

HELP = "stream workers against Bytewax and Quix Streams; growth, memory, scaling, models"
DESCRIPTION = """\
How many events Tranche's worker applies, beside Bytewax and Quix Streams that only fold the features its fifty segments
read. A real Kafka and a real Redis are started here, a backlog is written to the topic, and all drain it in turns.

  python -m loadtests.bench workers                                          all parts, about a quarter of an hour
  python -m loadtests.bench workers --only tranche,quix --rounds 1           some contestants, once
  python -m loadtests.bench workers --part growth --part memory              some parts
  python -m loadtests.bench workers --users 200000 --events 600000 --skew 0  other data

parts: peers    events/s of one core, against the peers
       growth   the cost of an event with 1,000 segments and with 50
       memory   bytes that a user takes in Redis, by kind of key
       cache    the worker's memory with ten times the users
       scaling  two workers that share the partitions
       models   with a cluster model and a look-alike, which samples are drawn for, and without
"""
READING = """\
Each contestant runs on a core of its own while Kafka and Redis share the other. A ratio is of two runs of the same
round, and the verdict that of the median round. On a machine where other things run, believe events per CPU second:
waiting for a core does not count there. TRANCHE_… settings in the environment, such as TRANCHE_MAX_RECORDS or
TRANCHE_CACHE_EVENTS, reach the worker.
"""
PARTS = ("peers", "growth", "memory", "cache", "scaling", "models")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be given several times")
    parser.add_argument("--only", type=names, help=f"only the part peers, with some of {','.join(comparison.ALL)}")
    parser.add_argument(
        "--rounds", type=_at_least_one, default=3, help="times that all take their turn (default %(default)s)"
    )
    parser.add_argument("--events", type=_at_least_one, default=120_000, help="of the backlog (default %(default)s)")
    parser.add_argument(
        "--users", type=_at_least_one, default=20_000, help="that they are of, at most (default %(default)s)"
    )
    parser.add_argument(
        "--skew", type=float, default=1.1, help="Zipf's exponent; 0 for users that are all alike (default %(default)s)"
    )
    parser.add_argument("--tranche", type=Path, default=default_command(), help="command to measure (%(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path(".cache/bench"), help="folder for the JSON and the HTML (default %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Raises BenchError."""
    unknown = set(options.only or ()) - set(comparison.ALL)
    if unknown:
        raise BenchError(f"--only knows {', '.join(comparison.ALL)}, and not {', '.join(sorted(unknown))}")
    workload = Workload(options.events, options.users, options.skew, end_ms=int(time.time() * 1000))
    data = {"events": f"{workload.events:,}", "users": f"{workload.users:,}", "skew": f"{workload.skew:g}"}
    report = Report("Stream workers", {**described(), **data}, notes=list(findings.NOTES))
    with set_stage(options.tranche) as stage:
        for part in ["peers"] if options.only else options.part or PARTS:
            _RUN[part](stage, workload, options, report)
    report.machine = {**report.machine, "load average": f"{load_average():.1f}"}
    publish(report, options.out, "workers")
    return 0


def _at_least_one(text: str) -> int:
    """For argparse, which names the option. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text}")
    return int(text)


def _peers(stage: Stage, workload: Workload, options: argparse.Namespace, report: Report) -> None:
    rounds = comparison.against_peers(stage, workload, options.only or comparison.ALL, options.rounds)
    report.tables.append(findings.peers_table(rounds))
    report.findings += findings.peer_findings(rounds)
    report.notes += findings.clock_notes(rounds)
    report.samples += findings.samples("peers", rounds)


def _growth(stage: Stage, workload: Workload, options: argparse.Namespace, report: Report) -> None:
    rounds = comparison.growth(stage, _part_of(workload), options.rounds)
    report.tables.append(findings.growth_table(rounds))
    report.findings.append(findings.growth_finding(rounds))
    report.samples += findings.samples("growth", rounds)


def _memory(stage: Stage, workload: Workload, _options: argparse.Namespace, report: Report) -> None:
    users = max(1, workload.users // 2)
    five = Workload(5 * users, users, skew=0, end_ms=workload.end_ms)
    thirty = Workload(15 * users, max(1, users // 2), skew=0, end_ms=workload.end_ms)
    workloads = {"as the others": workload, "5 events a user": five, "30 events a user": thirty}
    found = [memory.measure(stage, what, each) for what, each in workloads.items()]
    report.tables.append(findings.memory_table(found))
    report.findings += [findings.memory_finding(each) for each in found]
    report.samples += [{"part": "memory", **asdict(each)} for each in found]


def _cache(stage: Stage, workload: Workload, _options: argparse.Namespace, report: Report) -> None:
    some = _part_of(workload)
    rounds = comparison.bounded(stage, Workload(some.events, max(1, some.events // 10), end_ms=some.end_ms))
    report.tables.append(findings.bounded_table(rounds))
    report.findings.append(findings.bounded_finding(rounds))
    report.samples += findings.samples("cache", rounds)


def _scaling(stage: Stage, workload: Workload, options: argparse.Namespace, report: Report) -> None:
    rounds = comparison.scaling(stage, workload, options.rounds)
    report.tables.append(findings.scaling_table(rounds))
    report.findings.append(findings.scaling_finding(rounds))
    report.notes.append(findings.prediction(rounds))
    report.samples += findings.samples("scaling", rounds)


def _models(stage: Stage, workload: Workload, options: argparse.Namespace, report: Report) -> None:
    rounds = comparison.with_models(stage, workload, options.rounds)
    report.tables.append(findings.models_table(rounds))
    report.findings.append(findings.models_finding(rounds))
    report.samples += findings.samples("models", rounds)


def _part_of(workload: Workload) -> Workload:
    """A third of the events, for what takes long."""
    return Workload(max(1, workload.events // 3), workload.users, workload.skew, end_ms=workload.end_ms)


_RUN = {
    "peers": _peers,
    "growth": _growth,
    "memory": _memory,
    "cache": _cache,
    "scaling": _scaling,
    "models": _models,
}
