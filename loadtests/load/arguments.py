"""The command line: every command, its options and its help. What a command does is elsewhere."""

import os
from argparse import (
    Action,
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    BooleanOptionalAction,
    Namespace,
    _SubParsersAction,
)
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.load.control.errors import CannotRun
from loadtests.load.control.options import Options, scenario_of
from loadtests.load.control.probe_segment import SEGMENT, ProbeSegment
from loadtests.load.control.sampler import Source
from loadtests.load.measured.prometheus import WORK
from loadtests.load.measured.thresholds import THRESHOLDS_FILE
from loadtests.load.traffic.plan import Target

KEY_VARIABLE = "TRANCHE_API_KEY"

_ABOUT = "Load tests for operators: an open-loop generator, freshness, worker lag, and a verdict for each threshold."
_EPILOG = (
    "Begin with `run quick` beside a running `tranche up`. Exit codes: 0 all thresholds hold, 1 one does not, 2 the "
    "run is invalid or could not take place, 130 it was stopped by hand. loadtests/README.md tells more."
)


def parser() -> ArgumentParser:
    whole = ArgumentParser("python -m loadtests", description=_ABOUT, epilog=_EPILOG)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="show the scenarios")
    _add(commands, "run", "put a scenario's load on, and judge what came of it")
    _stepped(_add(commands, "find-peak", "raise the rate until a threshold breaks: what can the stack take?"))
    fresh = _add(commands, "freshness", "from the 202 to the lookup that shows it, at half and nine tenths of the peak")
    _stepped(fresh)
    fresh.add_argument("--peak", type=_positive, help="the peak, arrivals a second; looked for where it is not told")
    report = commands.add_parser("report", help="make the HTML page of a report's JSON anew, and tell its verdict")
    report.add_argument("json", type=Path, help="report.json, or the folder that it is in")
    commands.add_parser("bench", help="the comparison with peers; `bench --help` tells more", add_help=False)
    return whole


def options_of(told: Namespace) -> Options:
    """Raises CannotRun where there is no such scenario."""
    scenario = scenario_of(told.scenario)
    key = told.api_key or os.environ.get(KEY_VARIABLE)
    target = Target(_base(told.api), _base(told.collector), key, told.kafka, told.topic)
    return Options(
        scenario=scenario.name,
        target=target,
        rate=told.rate or scenario.rate,
        seconds=told.seconds or scenario.seconds,
        warm_up_s=told.warm_up,
        thresholds=told.thresholds,
        seed=told.seed,
        users=told.users,
        exponent=told.zipf,
        past=told.past,
        connections=told.connections,
        timeout_s=told.timeout,
        processes=told.processes,
        probes_per_s=told.probes,
        probe=ProbeSegment(told.probe_segment, may_create=told.create) if told.freshness else None,
        sources=_sources(told.metrics, target),
        finds_workers=told.metrics is None,
    )


def _verdict(command: ArgumentParser) -> None:
    group = command.add_argument_group("the verdict")
    group.add_argument("--thresholds", type=Path, default=THRESHOLDS_FILE, metavar="FILE", help="what has to hold")
    group.add_argument(
        "--out", type=Path, metavar="FOLDER", help="of the report (default: a new one in .cache/loadtests)"
    )


def _where(command: ArgumentParser) -> None:
    group = command.add_argument_group("where")
    group.add_argument("--api", default="http://127.0.0.1:8080", metavar="URL", help="the API; '' for none")
    group.add_argument("--collector", default="http://127.0.0.1:8081", metavar="URL", help="the collector; '' for none")
    group.add_argument(
        "--api-key", metavar="KEY", help=f"with lookup, segments and operations (default: ${KEY_VARIABLE})"
    )
    group.add_argument("--kafka", metavar="SERVERS", help="host:port,…: events go straight there, but for probes")
    group.add_argument("--topic", default="tranche.events", help="Kafka's topic of events")
    group.add_argument(
        "--metrics",
        action="append",
        metavar="ROLE=URL",
        help="a process whose /metrics tell its CPU: api, collector or worker, once for each process (default: --api, "
        "--collector, and workers on the ports after the collector's, where `tranche up` has them)",
    )


def _load(command: ArgumentParser) -> None:
    group = command.add_argument_group("the load")
    group.add_argument("--rate", type=_positive, help="arrivals a second (default: the scenario's)")
    group.add_argument(
        "--seconds",
        type=_positive,
        help="that are measured, in each step (default: the scenario's; 10 where there are steps)",
    )
    group.add_argument(
        "--warm-up", type=float, default=5.0, metavar="SECONDS", help="of load before, that do not count"
    )
    group.add_argument("--users", type=int, default=10_000, help="that come")
    group.add_argument("--zipf", type=float, default=0.9, help="user number k comes in proportion to 1 / k ** ZIPF")
    group.add_argument("--past", type=int, default=5_000, help="so many of the busiest users get events before the run")
    group.add_argument("--seed", type=int, default=1, help="the same one gives the same users and events")
    group.add_argument("--connections", type=int, default=64, help="keep-alive, to each service")
    group.add_argument("--timeout", type=_positive, default=5.0, metavar="SECONDS", help="until a request is given up")
    group.add_argument("--processes", type=int, default=0, help="of the generator; 0: as many as the rate takes")


def _fresh(command: ArgumentParser) -> None:
    group = command.add_argument_group("freshness")
    group.add_argument("--freshness", action=BooleanOptionalAction, default=True, help="measure it all the while")
    group.add_argument("--probes", type=_positive, default=5.0, help="new users a second that it is measured with")
    group.add_argument(
        "--probe-segment",
        default=SEGMENT,
        metavar="ID",
        help='shows them, by the rule count("loadtest_probe") >= 1; where it is missing it is made, and deleted after',
    )
    group.add_argument("--create", action=BooleanOptionalAction, default=True, help="whether it may be made")


def _stepped(command: ArgumentParser) -> None:
    command.add_argument("--factor", type=_positive, default=1.5, help="by which the rate goes up from step to step")
    command.set_defaults(seconds=10.0, warm_up=3.0)


def _add(commands: "_SubParsersAction[ArgumentParser]", name: str, about: str) -> ArgumentParser:
    command = commands.add_parser(name, help=about, description=about, formatter_class=_Help)
    command.add_argument("scenario", metavar="SCENARIO", help="one of those that `list` shows")
    _where(command)
    _load(command)
    _fresh(command)
    _verdict(command)
    return command


class _Help(ArgumentDefaultsHelpFormatter):
    """Tells a default where there is one that says something."""

    def _get_help_string(self, action: Action) -> str | None:
        if action.default is None or "default:" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)


def _sources(told: Sequence[str] | None, target: Target) -> tuple[Source, ...]:
    if told is None:
        return tuple(Source(role, url) for role, url in (("api", target.api), ("collector", target.collector)) if url)
    return tuple(_source(each) for each in told)


def _source(told: str) -> Source:
    role, _, url = told.partition("=")
    if role not in WORK or not url:
        raise CannotRun(f"--metrics {told}: write ROLE=URL, where the role is one of {', '.join(WORK)}")
    return Source(role, url.rstrip("/"))


def _base(url: str) -> str | None:
    """Raises CannotRun where it is no URL."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotRun(f"{url} is no URL; write http://host:port")
    return url.rstrip("/")


def _positive(told: str) -> float:
    value = float(told)
    if not value > 0:
        raise ValueError
    return value
