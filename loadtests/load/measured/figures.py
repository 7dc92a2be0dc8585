"""The figures of a run: plain numbers with names, out of what was measured. Thresholds and reports go by them.

Only the seconds from 0 on count, not the warm-up. A figure that was not measured is not there.
"""

from loadtests.load.measured.measured import Measured
from loadtests.load.measured.outcomes import DEGRADED, GOOD, KNOWN, NEVER, SHED, UNKNOWN, errors
from loadtests.load.measured.tally import Tally, total

Figures = dict[str, float]
FRESHNESS = "freshness"


def figures(measured: Measured) -> Figures:
    found: Figures = {}
    kinds = measured.tallies.kinds()
    totals = {kind: measured.tallies.total(kind, until=measured.whole_seconds) for kind in kinds}
    for kind, tally in totals.items():
        own = _freshness(tally) if kind == FRESHNESS else _requests(tally, measured.seconds)
        found |= {f"{kind}.{name}": value for name, value in own.items() if value is not None}
    found |= _lag(measured) | _cpu(measured) | _memory(measured)
    return found | _generator(measured, total(tally for kind, tally in totals.items() if kind != FRESHNESS))


def _requests(tally: Tally, seconds: float) -> dict[str, float | None]:
    outcomes = tally.outcomes
    done = max(1, outcomes.total())
    looked_up = outcomes[KNOWN] + outcomes[UNKNOWN]
    return {
        "requests": tally.due,
        "offered_per_s": tally.due / seconds if seconds else None,
        "served_per_s": sum(outcomes[name] for name in GOOD) / seconds if seconds else None,
        **_times(tally),
        "p999_ms": tally.latency.quantile_ms(0.999),
        "errors": sum(errors(outcomes).values()) / done,
        "degraded": outcomes[DEGRADED] / done,
        "shed": outcomes[SHED] / done,
        "known": outcomes[KNOWN] / looked_up if looked_up else None,
    }


def _freshness(tally: Tally) -> dict[str, float | None]:
    unseen = sum(errors(tally.outcomes).values())
    return {"probes": tally.outcomes.total(), **_times(tally), "never": tally.outcomes[NEVER], "failed": unseen}


def _times(tally: Tally) -> dict[str, float | None]:
    latency = tally.latency
    return {"p50_ms": latency.quantile_ms(0.5), "p99_ms": latency.quantile_ms(0.99), "max_ms": latency.max_ms}


def _lag(measured: Measured) -> Figures:
    if not measured.lag:
        return {}
    records = [sample.records for sample in measured.lag]
    found = {"lag.max_records": float(max(records)), "lag.end_records": float(records[-1])}
    applied = measured.spent.get("worker", {}).get("work")
    if applied and measured.seconds:
        found["lag.end_s"] = records[-1] / (applied / measured.seconds)
    return found


def _cpu(measured: Measured) -> Figures:
    return {
        f"cpu.{role}_s_per_1000": value
        for role, spent in measured.spent.items()
        if (value := spent["per_thousand_s"]) is not None
    }


def _memory(measured: Measured) -> Figures:
    return {
        f"memory.{role}_growth_mb_per_h": value
        for role, spent in measured.spent.items()
        if (value := spent["memory_growth_mb_per_h"]) is not None
    }


def _generator(measured: Measured, tally: Tally) -> Figures:
    found = {name: value for name, value in _lateness(tally).items() if value is not None}
    unsent = sum(each.unsent for each in measured.generators.values())
    cpu = [each.cpu_share for each in measured.generators.values()]
    return found | {"generator.unsent": unsent / max(1, unsent + tally.due), "generator.cpu": max(cpu, default=0.0)}


def _lateness(tally: Tally) -> dict[str, float | None]:
    late = tally.late
    return {
        "generator.late_p50_ms": late.quantile_ms(0.5),
        "generator.late_p99_ms": late.quantile_ms(0.99),
        "generator.late_max_ms": late.max_ms,
    }
