"""`python -m loadtests …`: from the command line to the exit code."""

import asyncio
import runpy
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtests.load.arguments import options_of, parser
from loadtests.load.commands import Run, Work, freshness, once, peak
from loadtests.load.control.errors import CannotRun
from loadtests.load.control.interruption import STOPPED
from loadtests.load.measured.thresholds import BadThresholds, Verdict
from loadtests.load.report.writing import read_report, write_report
from loadtests.load.traffic.scenarios import SCENARIOS
from loadtests.load.words import summary

REPORTS = Path(".cache/loadtests")
CANNOT = Verdict.INVALID.exit_code


def main(arguments: list[str]) -> int:
    """The exit code; what keeps a run from taking place is said in a line."""
    if arguments[:1] == ["bench"]:
        return _bench(arguments[1:])
    told, console = parser().parse_args(arguments), Console()
    try:
        return _do(told, console)
    except (CannotRun, BadThresholds) as error:
        Console(stderr=True).print(f"loadtests: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    except (KeyboardInterrupt, asyncio.CancelledError):
        Console(stderr=True).print("loadtests: stopped, without a report", style="red")
        return STOPPED
    return CANNOT


def _do(told: Namespace, console: Console) -> int:
    if told.command == "list":
        console.print(_scenarios())
        return 0
    if told.command == "report":
        return _report(told.json, console)
    options = options_of(told)
    out = told.out or REPORTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}-{told.command}-{options.scenario}"
    return Run(options, out, console).do(_work(told))


def _work(told: Namespace) -> Work:
    if told.command == "find-peak":
        return peak(told.factor)
    return freshness(told.peak, told.factor) if told.command == "freshness" else once


def _report(path: Path, console: Console) -> int:
    told = read_report(path)
    folder = path if path.is_dir() else path.parent
    write_report(told, folder)
    summary(told, folder, console)
    return Verdict(told["verdict"]).exit_code


def _scenarios() -> Table:
    table = Table("scenario", "what", "rate/s", "seconds", box=None)
    for each in SCENARIOS.values():
        table.add_row(each.name, each.about, f"{each.rate:,.0f}", f"{each.seconds:,.0f}")
    return table


def _bench(arguments: list[str]) -> int:
    """As a program of its own: it has other needs, which not every operator has installed."""
    sys.argv = ["python -m loadtests.bench", *arguments]
    runpy.run_module("loadtests.bench", run_name="__main__", alter_sys=True)
    return 0
