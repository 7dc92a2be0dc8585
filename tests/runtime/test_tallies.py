"""Tallies are read as prometheus_client's own metrics are."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from services.runtime.tallies import Durations, Tally

BUCKETS_S = (0.001, 0.01, 0.5)
OBSERVED_S = (0.0, 0.001, 0.0011, 0.3, 0.5, 7.0)


def told(registry: CollectorRegistry) -> list[str]:
    """But for when each was made, which tallies do not tell."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_they_tell_the_same() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("lookups", "Looked up.", "outcome", ("known", "unknown"), ours)
    counter = Counter("lookups", "Looked up.", ["outcome"], registry=theirs)
    for outcome, times in (("known", 3), ("unknown", 0)):
        tally.counts[outcome] += times
        counter.labels(outcome).inc(times)
    durations = Durations("seconds", "Took.", BUCKETS_S, ours)
    histogram = Histogram("seconds", "Took.", buckets=BUCKETS_S, registry=theirs)
    for seconds in OBSERVED_S:
        durations.observe(seconds)
        histogram.observe(seconds)
    assert told(ours) == told(theirs)
    assert ours.get_sample_value("seconds_bucket", {"le": "0.001"}) == 2
