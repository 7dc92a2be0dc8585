"""What the measurements of lookups come to: tables, and ratios against the budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loadtests.bench.figures import Budget, Finding, percent, ratios, short, spread, times
from loadtests.bench.lookups.comparison import OURS, YARDSTICK, ClosedRounds, Results
from loadtests.bench.lookups.measure import Closed, Open
from loadtests.bench.report import Table

SHARING = """Each server runs alone on one core; Redis and the generator share the other. Where that one is as busy as \
the server's, the rate tells of both: CPU a lookup, of the server's own processes, is the ratio to trust."""
WHOLE = """Only whole answers count: one that is degraded, an error or missing is none. At its most Tranche runs \
without deadlines and the bound on reads in flight, as the peers have none; at one rate with its defaults."""
LOOPS = """At their most: wrk, each connection asks again at once. At one rate: the same for all, and a lookup's time \
begins when it was due. `any p99` is of all answers, degraded ones included. `asked late` is how late the generator \
itself was (p99): no shorter time means much."""
WORK = """nginx and webdis hand out the bytes of Tranche's answer, made beforehand; plain filters them by time; \
Tranche does all of its work."""
NOTES = (SHARING, WHOLE, LOOPS, WORK)


def closed_table(title: str, closed: ClosedRounds, yardstick: str = YARDSTICK) -> Table:
    compared = ["users/s", f"of {yardstick}", "CPU us a user", f"{yardstick} by it"]
    told = ["Redis us", "wrk us", "its core", "other core", "degraded", "errors"]
    rows = [_closed_row(name, measured, closed.get(yardstick)) for name, measured in closed.items()]
    return Table(f"At their most: {title}", ["server", *compared, *told], rows)


def _closed_row(name: str, measured: Sequence[Closed], yardstick: Sequence[Closed] | None) -> list[str]:
    rates, cpu = [each.rate for each in measured], [each.server_us for each in measured]
    compared = ("", "") if yardstick is None else (_rate_ratio(measured, yardstick), _cpu_ratio(measured, yardstick))
    return [
        name,
        str(spread(rates)),
        compared[0],
        str(spread(cpu)),
        compared[1],
        short(spread([each.redis_us for each in measured]).middle),
        short(spread([each.generator_us for each in measured]).middle),
        percent(spread([each.server_busy for each in measured]).middle),
        percent(spread([each.load_core_busy for each in measured]).middle),
        percent(spread([each.degraded_share for each in measured]).middle),
        str(sum(each.errors for each in measured)),
    ]


def open_table(results: Results) -> Table:
    headers = [
        "server",
        "lookups/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "not whole",
        "any p99 ms",
        "asked late ms",
        "generator",
    ]
    rows = [_open_row(name, measured) for name, measured in results.open.items()]
    left_out = [name for name in results.closed if name not in results.open]
    unable = f"; {', '.join(left_out)} cannot answer as many" if left_out else ""
    return Table(f"At one rate: {results.case}{unable}", headers, rows)


def _open_row(name: str, measured: Sequence[Open]) -> list[str]:
    timed = [each.timed for each in measured]
    return [
        name,
        f"{measured[0].rate:,.0f}",
        str(spread([each.p50_ms for each in timed])),
        str(spread([each.p99_ms for each in timed])),
        str(spread([each.p999_ms for each in timed])),
        percent(1 - sum(each.whole for each in timed) / sum(each.asked for each in timed)),
        str(spread([each.any_p99_ms for each in timed])),
        short(spread([each.late_p99_ms for each in timed]).middle),
        percent(spread([each.generator_busy for each in timed]).middle),
    ]


def findings(results: Results) -> list[Finding]:
    """Tranche against nginx; nothing where one of them took no part. Raises BenchError."""
    if not {OURS, YARDSTICK} <= results.closed.keys():
        return []
    ours, theirs = results.closed[OURS], results.closed[YARDSTICK]
    rate = Budget(f"lookups/s, {results.case}", must=0.65, goal=1.0)
    cpu = Budget(f"lookups per CPU second, {results.case}", must=0.65, goal=1.0)
    p99 = Budget(f"p99 at half of nginx's load, {results.case}", must=2, goal=1, more_is_better=False)
    waits = [[each.timed.p99_ms for each in results.open[name]] for name in (OURS, YARDSTICK)]
    return [
        Finding(rate, ratios([each.rate for each in ours], [each.rate for each in theirs])),
        Finding(cpu, ratios([each.server_us for each in theirs], [each.server_us for each in ours])),
        Finding(p99, ratios(*waits)),
    ]


def samples(results: Results) -> list[Mapping[str, Any]]:
    timed = [{"loop": "open", **asdict(each)} for some in results.open.values() for each in some]
    return [*closed_samples(results.closed), *timed]


def closed_samples(closed: ClosedRounds) -> list[Mapping[str, Any]]:
    return [{"loop": "closed", **asdict(each)} for some in closed.values() for each in some]


def _rate_ratio(ours: Sequence[Closed], theirs: Sequence[Closed]) -> str:
    return times(spread(ratios([each.rate for each in ours], [each.rate for each in theirs])).middle)


def _cpu_ratio(ours: Sequence[Closed], theirs: Sequence[Closed]) -> str:
    return times(spread(ratios([each.server_us for each in theirs], [each.server_us for each in ours])).middle)
