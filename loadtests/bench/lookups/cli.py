"""`python -m loadtests.bench lookups`: what can be asked of it, and what it does then."""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.comparison import Pace, Results, compare
from loadtests.bench.lookups.findings import NOTES, closed_table, findings, open_table, samples
from loadtests.bench.lookups.measure import Case
from loadtests.bench.lookups.product import default_command
from loadtests.bench.lookups.sameness import described_answers, refuse_differences
from loadtests.bench.lookups.skew import asked, exponent
from loadtests.bench.lookups.stage import CONTENDERS, Wanted, set_stage
from loadtests.bench.machine import Cores, described, load_average
from loadtests.bench.options import add_shared, names, numbers
from loadtests.bench.processes import Servers
from loadtests.bench.report import Report, publish

ASKED = 100_000
"""Lookups after which the list of users begins anew."""
CHECKED = 200
"""Users for whom all have to answer the same before anything is measured."""

HELP = "lookups against nginx + Lua + Redis, webdis and a plain FastAPI service"
DESCRIPTION = """\
How many lookups Tranche answers on one core, and how fast, beside servers that read a ready-made answer from the same
Redis. Everything is started here on loopback, filled over HTTP, measured in turns, and stopped.

  python -m loadtests.bench lookups                                    all of it, about six minutes
  python -m loadtests.bench lookups --only nginx,tranche --rounds 2    the budgets alone
  python -m loadtests.bench lookups --connections 1,16,64,640          how it goes with more connections
  python -m loadtests.bench lookups --users 200000 --segments 500      how it grows
  python -m loadtests.bench lookups --data .cache/bench/users          keep the users for the next run
"""
READING = """\
A ratio is of two measurements of the same round, and the verdict that of the median round. On a machine where other
things run, believe CPU a lookup: waiting for a core does not count there. Settings such as
TRANCHE_LOOKUP_DEADLINE_MS in the environment reach Tranche.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser, seconds=5, rounds=3)
    parser.add_argument("--connections", type=numbers, default=[64], metavar="N,…", help="kept open (default 64)")
    parser.add_argument(
        "--skew",
        type=names,
        default=["uniform", "zipf"],
        metavar="S,…",
        help="which users are asked for: uniform, zipf (exponent 1.1) or an exponent (default uniform,zipf)",
    )
    parser.add_argument("--only", type=names, default=list(CONTENDERS), help=f"some of {','.join(CONTENDERS)}")
    parser.add_argument("--rate", type=float, help="of the open loop, lookups/s (default: half of what nginx can)")
    add_data(parser, users=20_000)


def add_data(parser: argparse.ArgumentParser, users: int) -> None:
    """How much there is to look up, and of which Tranche."""
    parser.add_argument(
        "--users", type=int, default=users, help="stored, with five events on average (default %(default)s)"
    )
    parser.add_argument("--segments", type=int, default=50, help="in the catalog (default %(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder that keeps the users for the next run")
    parser.add_argument(
        "--tranche",
        type=Path,
        default=default_command(),
        metavar="PATH",
        help="command to measure (default %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Raises BenchError."""
    unknown = set(options.only) - set(CONTENDERS)
    if unknown:
        raise BenchError(f"--only knows {', '.join(CONTENDERS)}, and not {', '.join(sorted(unknown))}")
    cores = Cores.of_this_machine()
    contenders = [each for each in CONTENDERS if each in options.only]
    wanted = Wanted(options.tranche, options.users, options.segments, contenders, options.data)
    pace = Pace(options.seconds, options.rounds, options.rate)
    with tempfile.TemporaryDirectory(prefix="tranche-bench-") as name, Servers(Path(name)) as servers:
        stage = set_stage(servers, Path(name), cores, wanted)
        some = wanted.user_ids[:CHECKED]
        refuse_differences(stage.contenders, some)
        data = described_answers(stage.tranche, some) | {"load average": f"{load_average():.1f} at the beginning"}
        cases = _cases(options, wanted.user_ids, Path(name))
        results = [compare(stage, case, pace, cores) for case in cases]
    publish(_report(results, wanted, data), options.out, "lookups")
    return 0


def _cases(options: argparse.Namespace, user_ids: Sequence[str], folder: Path) -> Iterator[Case]:
    for skew in options.skew:
        file = folder / f"{skew}.txt"
        file.write_text("".join(f"{each}\n" for each in asked(user_ids, exponent(skew), ASKED)))
        for connections in options.connections:
            yield Case(skew, file, connections)


def _report(results: Sequence[Results], wanted: Wanted, data: Mapping[str, str]) -> Report:
    facts = {**described(), "users": f"{wanted.users:,}", "segments": str(wanted.segments), **data}
    report = Report("Lookups: Tranche beside its peers", facts, notes=list(NOTES))
    for each in results:
        report.tables += [closed_table(str(each.case), each.closed), open_table(each)]
        report.findings += findings(each)
        report.samples += samples(each)
    return report
