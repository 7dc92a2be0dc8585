"""What the stack has told during a stage, written down, with notes on what it has not."""

from loadtests.load.control.sampler import Sampler
from loadtests.load.measured.figures import FRESHNESS
from loadtests.load.measured.measured import Measured
from loadtests.load.measured.prometheus import Spent
from loadtests.load.traffic.plan import Target

ENOUGH_PROBES = 200


def gather(measured: Measured, sampler: Sampler, target: Target) -> None:
    measured.partitions = sampler.partitions
    for role, spent in sampler.spent.items():
        measured.spent[role] = _told(spent)
        if spent.restarts:
            measured.notes.append(f"{role}: {spent.restarts} process(es) were started during the run")
        if spent.turned_away:
            away = f"{spent.turned_away:,.0f} lookups, probes' among them"
            measured.notes.append(f"the API turned {away}, away at its door, as degraded")
        if spent.was_filling:
            measured.notes.append(f"{role}: its cache was filling, so nobody can tell of a leak: take more --seconds")
    measured.notes += _untold(sampler, target)


def few_probes(measured: Measured) -> list[str]:
    """A note where they are too few to say much; the steps of a search may do with few."""
    probes = measured.tallies.total(FRESHNESS).outcomes.total()
    few = f"freshness: of {probes} probes the p99 is hardly more than the worst one; take more --seconds or --probes"
    return [few] if 0 < probes < ENOUGH_PROBES else []


def _told(spent: Spent) -> dict[str, float | None]:
    return {
        "cpu_s": spent.cpu_s,
        "work": spent.work,
        "turned_away": spent.turned_away,
        "restarts": float(spent.restarts),
        "memory_bytes": spent.memory_bytes,
        "per_thousand_s": spent.per_thousand_s,
        "memory_growth_mb_per_h": spent.memory_growth_mb_per_h,
    }


def _untold(sampler: Sampler, target: Target) -> list[str]:
    found = [
        f"no metrics of a {source.role} at {source.url}: tell where they are, --metrics {source.role}=URL; "
        "a key has to be good for operations"
        for source in sampler.sources
        if source.role not in sampler.spent
    ]
    if target.api and not sampler.lag:
        found.append("GET /v1/status told nothing: a key has to be good for operations")
    return found
