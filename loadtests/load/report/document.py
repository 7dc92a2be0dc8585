"""A run as a document: what the JSON report holds, and all that the page is made of. Its `format` tells its layout."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loadtests.load.measured.figures import FRESHNESS, Figures, figures
from loadtests.load.measured.measured import Measured
from loadtests.load.measured.outcomes import DEGRADED, SHED, errors
from loadtests.load.measured.tally import Tally, total
from loadtests.load.measured.thresholds import Judged, Limit, Verdict, judge
from loadtests.load.measured.validity import is_own, reasons, verdict

FORMAT = 1
SAYS = {
    Verdict.OK: "every threshold holds",
    Verdict.BROKEN: "a threshold does not hold",
    Verdict.INVALID: "this run says nothing about the service",
}
MOST_BINS = 240
Document = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A load at one rate, and what came of it."""

    name: str
    rate: float
    measured: Measured
    figures: Figures
    judged: Sequence[Judged]
    invalid: Sequence[str]

    @property
    def verdict(self) -> Verdict:
        return verdict(self.judged, self.invalid)


def stage_of(name: str, rate: float, measured: Measured, limits: Sequence[Limit]) -> Stage:
    found = figures(measured)
    judged = judge(limits, found)
    return Stage(name, rate, measured, found, judged, reasons(found, judged, measured.seconds, measured.complaints))


def document(title: str, begun: datetime, options: Mapping[str, Any], stages: Sequence[Stage]) -> Document:
    """The worst of the stages' verdicts is that of all, until `concluded` says otherwise."""
    worst = max((stage.verdict for stage in stages), key=lambda each: each.exit_code, default=Verdict.INVALID)
    return {
        "format": FORMAT,
        "title": title,
        "verdict": worst.value,
        "says": SAYS[worst],
        "conclusion": [],
        "begun": begun.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": dict(options),
        "stages": [_stage(stage) for stage in stages],
    }


def concluded(told: Document, result: Verdict, says: str, lines: Sequence[str] = ()) -> Document:
    """With what several stages say together: in a few words, and in more."""
    return {**told, "verdict": result.value, "says": says, "conclusion": list(lines)}


def _stage(stage: Stage) -> Document:
    measured = stage.measured
    return {
        "name": stage.name,
        "rate": stage.rate,
        "seconds": round(measured.seconds, 1),
        "verdict": stage.verdict.value,
        "invalid": list(stage.invalid),
        "notes": measured.notes,
        "thresholds": [_judged(each, stage) for each in stage.judged],
        "figures": {name: _rounded(value) for name, value in sorted(stage.figures.items())},
        "outcomes": {kind: dict(_whole(measured, kind).outcomes) for kind in measured.tallies.kinds()},
        "cpu": measured.spent,
        "generators": {name: vars(each) for name, each in measured.generators.items()},
        "lag": [[round(sample.at_s, 1), sample.records] for sample in measured.lag],
        "partitions": measured.partitions,
        "series": {kind: _series(measured, kind) for kind in measured.tallies.kinds()},
    }


def _judged(judged: Judged, stage: Stage) -> Document:
    """An invalid run has a verdict on nothing but its generator."""
    limit = judged.limit
    shown = Verdict.INVALID if stage.invalid and not is_own(limit) else judged.verdict
    own = {"figure": limit.figure, "bound": limit.bound, "limit": limit.value}
    return {**own, "value": _rounded(judged.value), "verdict": shown.value}


def _whole(measured: Measured, kind: str) -> Tally:
    return measured.tallies.total(kind, until=measured.whole_seconds)


def _series(measured: Measured, kind: str) -> list[Document]:
    """By time: seconds, or as many together as the page can show. The warm-up is before 0."""
    return [_bin(since, width, tally, kind) for since, width, tally in _bins(measured, kind)]


def _bins(measured: Measured, kind: str) -> list[tuple[int, int, Tally]]:
    tallies, until = measured.tallies.by_second, measured.whole_seconds
    seconds = sorted(second for second, of in tallies if of == kind and second < until)
    if not seconds:
        return []
    width = math.ceil((until - seconds[0]) / MOST_BINS / measured.width) * measured.width
    begins = range(seconds[0] // width * width, until, width)
    return [(since, width, _between(measured, kind, since, since + width)) for since in begins]


def _between(measured: Measured, kind: str, since: int, until: int) -> Tally:
    tallies, seconds = measured.tallies.by_second, range(since, until, measured.width)
    return total(tallies[second, kind] for second in seconds if (second, kind) in tallies)


def _bin(since: int, width: int, tally: Tally, kind: str) -> Document:
    outcomes, quantile = tally.outcomes, tally.latency.quantile_ms
    found = {
        "at_s": since,
        "offered_per_s": tally.due / width,
        "served_per_s": tally.served / width,
        "errors_per_s": sum(errors(outcomes).values()) / width,
        "degraded_per_s": outcomes[DEGRADED] / width,
        "shed_per_s": outcomes[SHED] / width,
        "p50_ms": quantile(0.5),
        "p99_ms": quantile(0.99),
        "max_ms": tally.latency.max_ms,
    }
    more = {} if kind == FRESHNESS else {"p999_ms": quantile(0.999), "late_max_ms": tally.late.max_ms}
    return {name: _rounded(value) for name, value in (found | more).items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
