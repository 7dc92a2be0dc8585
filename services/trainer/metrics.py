"""What the trainer counts, served at /metrics like what is declared in the plumbing for the other services."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class TrainerMetrics:
    """Models are named by operators and are few; one that is deleted is no longer shown."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._learned = Counter(
            "tranche_trainer_samples_learned_total",
            "Samples learned, with those that were learned again from where a training was stored.",
            ["model"],
            registry=registry,
        )
        self._snapshots = Counter("tranche_trainer_snapshots_total", "Snapshots stored.", ["model"], registry=registry)
        self._refused = Counter(
            "tranche_trainer_refused_samples_total",
            "Samples left out: unreadable is none, unfit is not as the model's have to be, failed ended in an error.",
            ["reason"],  # those of the class
            registry=registry,
        )
        self.backlog = Gauge(
            "tranche_trainer_backlog_records",
            "Records of the samples log that are not learned; NaN while that is not known.",
            registry=registry,
        )
        self.stopped = Gauge(
            "tranche_trainer_stopped_models",
            "Models that something keeps from learning; the log says what.",
            registry=registry,
        )
        self.publications = Counter(
            "tranche_trainer_publications_total", "Snapshots that went live.", registry=registry
        )
        self.snapshot_seconds = Gauge(
            "tranche_trainer_snapshot_age_seconds",
            "Seconds since this process stored a snapshot of any model, or began.",
            registry=registry,
        )
        self._lost = Counter(
            "tranche_trainer_lost_records_total",
            "Records that the samples log no longer held when a model came to them.",
            registry=registry,
        )
        self.setbacks = Counter(
            "tranche_trainer_setbacks_total",
            "Writes of a training refused because another trainer wrote it, or Redis lost what it had confirmed.",
            registry=registry,
        )
        self.failed_turns = Counter(
            "tranche_trainer_failed_turns_total", "Turns that failed and are tried again.", registry=registry
        )
        for reason in ("unreadable", "unfit", "failed"):
            self._refused.labels(reason)

    def observe(self, model: str, learned: int, refused: Mapping[str, int], lost: int) -> None:
        self._learned.labels(model).inc(learned)
        self._lost.inc(lost)
        for reason, count in refused.items():
            self._refused.labels(reason).inc(count)

    def store_snapshot(self, model: str) -> None:
        self._snapshots.labels(model).inc()

    def name(self, model: str) -> None:
        """Have its series there from the start."""
        self._learned.labels(model)
        self._snapshots.labels(model)

    def forget(self, model: str) -> None:
        for each in (self._learned, self._snapshots):
            each.remove_by_labels({"model": model})
