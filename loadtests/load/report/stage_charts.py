"""Which charts a stage has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadtests.load.measured.figures import FRESHNESS
from loadtests.load.report.charts import Chart, Line, Point

_KINDS = {"lookup": "Lookups", "batch": "Lookups of many", "event": "Events"}
Stage = Mapping[str, Any]
Series = Sequence[Mapping[str, Any]]


def charts(stage: Stage) -> Iterator[Chart]:
    """In the order of the page: the load first, then what it came to, then why."""
    asked = {kind: series for kind, series in stage["series"].items() if kind != FRESHNESS}
    for kind, series in asked.items():
        yield _rate(kind, series)
        yield _latency(kind, series, _limit(stage, f"{kind}.p99_ms"))
    if series := stage["series"].get(FRESHNESS):
        lines = [_line(series, "p50_ms", "p50", "c1"), _line(series, "max_ms", "max", "c4")]
        limit = _limit(stage, f"{FRESHNESS}.p99_ms")
        yield Chart("Freshness: from the 202 to the lookup that shows it", "ms", lines, is_log=True, limit=limit)
    if stage["lag"]:
        yield Chart("Worker lag", "records", [Line("not applied yet", "c1", stage["lag"])])
    yield _lateness(asked)


def _rate(kind: str, series: Series) -> Chart:
    lines = [_line(series, "offered_per_s", "offered", "c2"), _line(series, "served_per_s", "served", "c1")]
    for name, label, colour in (("errors", "errors", "c4"), ("degraded", "degraded", "c3"), ("shed", "503 shed", "c5")):
        if any(each[f"{name}_per_s"] for each in series):
            lines.append(_line(series, f"{name}_per_s", label, colour))
    return Chart(f"{_KINDS[kind]}: offered and served", "a second", lines)


def _latency(kind: str, series: Series, limit: float | None) -> Chart:
    names = (("p50_ms", "p50", "c1"), ("p99_ms", "p99", "c2"), ("p999_ms", "p99.9", "c3"), ("max_ms", "max", "c4"))
    lines = [_line(series, name, label, colour) for name, label, colour in names]
    return Chart(f"{_KINDS[kind]}: time from when it was due", "ms", lines, is_log=True, limit=limit)


def _lateness(asked: Mapping[str, Series]) -> Chart:
    """The most that the generator itself was late, in requests of any kind."""
    latest: dict[float, float] = {}
    for series in asked.values():
        for each in series:
            if (late := each["late_max_ms"]) is not None:
                latest[each["at_s"]] = max(late, latest.get(each["at_s"], 0.0))
    points: list[Point] = sorted(latest.items())
    return Chart("The generator's own lateness", "ms", [Line("max", "c5", points)])


def _line(series: Series, name: str, label: str, colour: str) -> Line:
    return Line(label, colour, [(each["at_s"], each[name]) for each in series])


def _limit(stage: Stage, figure: str) -> float | None:
    return next((each["limit"] for each in stage["thresholds"] if each["figure"] == figure), None)
