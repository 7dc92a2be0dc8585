"""Every metric of the product is declared here, once; a service gets the class that is its own.

A metric is an attribute, made over the registry that the service serves at /metrics; nothing lives in the module.
Labels take only values that the code itself names, never text that a client sent: each set is written down here.
"""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector


def process_registry() -> CollectorRegistry:
    """A registry that already tells the process's memory, CPU time, descriptors and garbage collections."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class CollectorMetrics:
    """What the collector counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        events = Counter(
            "tranche_collector_events_total",
            "Events received: accepted is in the log, rejected breaks the contract, unavailable found no log.",
            ["outcome"],
            registry=registry,
        )
        self.accepted = events.labels("accepted")
        self.rejected = events.labels("rejected")
        self.unavailable = events.labels("unavailable")
        self.request_seconds = Histogram(
            "tranche_collector_request_seconds",
            "Seconds from a request's headers to its answer, by the answer's HTTP status.",
            ["status"],  # the statuses of the endpoint's answers
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.body_bytes = Counter(
            "tranche_collector_body_bytes_total", "Bytes of request bodies that were read whole.", registry=registry
        )
        self.requests_in_flight = Gauge(
            "tranche_collector_requests_in_flight", "Requests that are not answered yet.", registry=registry
        )
        self.bytes_in_flight = Gauge(
            "tranche_collector_in_flight_bytes", "Bytes set aside for bodies not answered yet.", registry=registry
        )


class ApiMetrics:
    """What the API counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        lookups = Counter(
            "tranche_api_lookups_total",
            "Users looked up: known, unknown, degraded (no state in time), refused (a moment before the latest event).",
            ["outcome"],
            registry=registry,
        )
        self._outcomes = {name: lookups.labels(name) for name in ("known", "unknown", "degraded", "refused")}
        self._seconds = Histogram(
            "tranche_api_lookup_seconds",
            "Seconds that a lookup request took inside the server.",
            registry=registry,
            buckets=(0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.02, 0.05, 0.1, 0.5),
        )
        self.evaluated = Counter(
            "tranche_api_profiles_evaluated_total",
            "Users whose profile a lookup had to evaluate: after an edit, until the background pass has come by.",
            registry=registry,
        )
        self.catalog_version = Gauge(
            "tranche_api_catalog_version", "The version of the catalog that is in force here.", registry=registry
        )

    def observe_lookups(self, answers: Sequence[Mapping[str, object]], seconds: float) -> None:
        self._seconds.observe(seconds)
        for answer in answers:
            self._outcomes[_outcome(answer)].inc()


def _outcome(answer: Mapping[str, object]) -> str:
    if answer["degraded"]:
        return "degraded"
    if "error" in answer:
        return "refused"
    return "known" if answer["known"] else "unknown"


class WorkerMetrics:
    """What a worker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.applied = Counter("tranche_worker_records_applied_total", "Records of the log applied.", registry=registry)
        self.dead_letters = Counter(
            "tranche_worker_dead_letters_total",
            "Records that are no valid event, put into the dead-letter log.",
            registry=registry,
        )
        self.strays = Counter(
            "tranche_worker_strays_total",
            "Events found on another user's partition and appended to their own.",
            registry=registry,
        )
        self.refused = Counter(
            "tranche_worker_refused_batches_total",
            "Batches refused because something else was written: by another worker, or by a write believed lost.",
            registry=registry,
        )
        self.failed_turns = Counter(
            "tranche_worker_failed_turns_total",
            "Turns given up because Redis or the log did not answer.",
            registry=registry,
        )
        self.partitions = Gauge("tranche_worker_partitions", "Partitions that this worker owns.", registry=registry)
        self.cached_events = Gauge(
            "tranche_worker_cached_events",
            "Events in the profiles that the cache holds, and four for each user.",
            registry=registry,
        )
        self._delay_seconds = Histogram(
            "tranche_worker_apply_delay_seconds",
            "Seconds from a record's arrival in the log to its visibility in lookups, for the last of each batch.",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600),
        )

    def observe_delay(self, seconds: float) -> None:
        self._delay_seconds.observe(max(0.0, seconds))
