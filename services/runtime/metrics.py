"""Every metric of the product is declared here, once, but for the trainer's; a service gets the class that is its own.

A metric is an attribute, made over the registry that the service serves at /metrics; nothing lives in the module.
Labels take only values that the code itself names, never text that a client sent: each set is written down here.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from services.runtime.tallies import Durations, Tally


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
        self.lookups = Tally(
            "tranche_api_lookups",
            "Users looked up: known, unknown, degraded (no state in time), refused (a moment before the latest event).",
            "outcome",
            ("known", "unknown", "degraded", "refused"),
            registry,
        ).counts
        """To be added to."""
        self.lookup_seconds = Durations(
            "tranche_api_lookup_seconds",
            "Seconds that a lookup request took inside the server, if it was let in.",
            (0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.02, 0.05, 0.1, 0.5),
            registry,
        )
        self.evaluated = Counter(
            "tranche_api_profiles_evaluated_total",
            "Users whose profile a lookup had to evaluate: after an edit, until the background pass has come by.",
            registry=registry,
        )
        self.catalog_version = Gauge(
            "tranche_api_catalog_version", "The version of the catalog that is in force here.", registry=registry
        )
        self.missing_snapshots = Gauge(
            "tranche_api_missing_snapshots",
            "Live snapshots of models that are gone or cannot be read here: these models say nothing.",
            registry=registry,
        )
        self._shed = Tally(
            "tranche_api_shed",
            "Requests turned away at the door: lookup was answered as degraded, other was asked to come again (503).",
            "request",
            ("lookup", "other"),
            registry,
        ).counts
        self.lookup_room = Gauge(
            "tranche_api_lookup_room", "Lookups of one user that the door lets be under way at once.", registry=registry
        )
        self.reads_in_flight = Gauge(
            "tranche_api_reads_in_flight", "Reads of lookups that Redis has not answered.", registry=registry
        )
        self.remembered_bytes = Gauge(
            "tranche_api_remembered_bytes",
            "About what the answers take that are kept for users who are seen again; 64 MiB at most.",
            registry=registry,
        )

    def shed_other(self) -> None:
        self._shed["other"] += 1

    def shed_lookup(self) -> None:
        self._shed["lookup"] += 1
        self.lookups["degraded"] += 1


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
            "Work on some partitions, or a look into the log, that failed and is tried again.",
            registry=registry,
        )
        self.partitions = Gauge("tranche_worker_partitions", "Partitions that this worker works on.", registry=registry)
        self.stopped = Gauge(
            "tranche_worker_stopped_partitions",
            "Partitions owned and not worked on, because of what the log no longer holds or of a repair.",
            registry=registry,
        )
        self.missing = Gauge(
            "tranche_worker_missing_records",
            "Records of stopped partitions that the log no longer holds and that were never applied.",
            registry=registry,
        )
        self.lag = Gauge(
            "tranche_worker_lag_records",
            "Records in the log that are not applied, of the partitions that this worker owns.",
            registry=registry,
        )
        self.oldest_seconds = Gauge(
            "tranche_worker_oldest_unapplied_seconds",
            "Seconds that the oldest record has been waiting that is not applied, at most; 0 where none is.",
            registry=registry,
        )
        self.rewinds = Counter(
            "tranche_worker_rewinds_total",
            "Watermarks found before where this worker left them: Redis lost what it had confirmed.",
            registry=registry,
        )
        self.cached_events = Gauge(
            "tranche_worker_cached_events",
            "Events in the profiles that the cache holds, and four for each user.",
            registry=registry,
        )
        self.changes = Counter(
            "tranche_worker_changes_published_total",
            "Changes of who is in which segment that were published, with those that were published again.",
            registry=registry,
        )
        self.outbox_changes = Gauge(
            "tranche_worker_outbox_changes", "Changes told that wait in the outbox to be published.", registry=registry
        )
        self.outbox_seconds = Gauge(
            "tranche_worker_outbox_age_seconds",
            "Seconds that the oldest change has been waiting to be published; 0 where none is.",
            registry=registry,
        )
        samples = Counter(
            "tranche_worker_samples_total",
            "What is drawn for models: sent is in their log, thinned spares a trainer that is late, lost is neither.",
            ["outcome"],
            registry=registry,
        )
        self.samples_sent = samples.labels("sent")
        self.samples_thinned = samples.labels("thinned")
        self.samples_lost = samples.labels("lost")
        self.samples_kept_share = Gauge(
            "tranche_worker_samples_kept_share",
            "The share of samples that is taken: 1 while the trainer of models keeps up.",
            registry=registry,
        )
        self.missing_snapshots = Gauge(
            "tranche_worker_missing_snapshots",
            "Models that say nothing here because their live snapshot is gone or cannot be read.",
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


class WebhookMetrics:
    """What the role that delivers webhooks counts. A webhook's name comes from the operator's own file."""

    def __init__(self, registry: CollectorRegistry, webhooks: Sequence[str]) -> None:
        self._deliveries = Counter(
            "tranche_webhooks_deliveries_total",
            "Requests to a webhook's receiver: accepted, or failed, which is any other answer or none.",
            ["webhook", "outcome"],
            registry=registry,
        )
        self._changes = Counter(
            "tranche_webhooks_changes_total", "Changes that a receiver has accepted.", ["webhook"], registry=registry
        )
        self._lost = Counter(
            "tranche_webhooks_lost_changes_total",
            "Changes that the changes stream no longer held when they were to be delivered.",
            ["webhook"],
            registry=registry,
        )
        self._disabled = Gauge(
            "tranche_webhooks_disabled",
            "1 for a webhook to which nothing is sent until the next start.",
            ["webhook"],
            registry=registry,
        )
        self.waiting_seconds = Gauge(
            "tranche_webhooks_waiting_seconds",
            "Seconds since the oldest change was told that has been sent and not been accepted; 0 when there is none.",
            ["webhook"],
            registry=registry,
        )
        self.unreadable = Counter(
            "tranche_webhooks_unreadable_total",
            "Records of the changes stream that are no change, left out.",
            registry=registry,
        )
        for webhook in webhooks:
            self._name(webhook)

    def observe(self, webhook: str, changes: int, *, accepted: bool) -> None:
        self._deliveries.labels(webhook, "accepted" if accepted else "failed").inc()
        if accepted:
            self._changes.labels(webhook).inc(changes)

    def lose(self, webhook: str, changes: int) -> None:
        self._lost.labels(webhook).inc(changes)

    def disable(self, webhook: str) -> None:
        self._disabled.labels(webhook).set(1)

    def _name(self, webhook: str) -> None:
        """Have its series there from the start, for an alarm cannot ring for one that is absent."""
        for outcome in ("accepted", "failed"):
            self._deliveries.labels(webhook, outcome)
        for each in (self._changes, self._lost, self._disabled, self.waiting_seconds):
            each.labels(webhook)
