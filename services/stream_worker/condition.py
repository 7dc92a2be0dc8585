"""What the worker's /readyz tells beside whether it is ready: some of its metrics, and what is stopped."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from services.stream_worker.worker import Worker

_FACTS = {
    "tranche_worker_lag_records": "lag",
    "tranche_worker_oldest_unapplied_seconds": "oldest_unapplied_s",
    "tranche_worker_missing_records": "missing_records",
    "tranche_worker_rewinds_total": "rewinds",
    "tranche_worker_dead_letters_total": "dead_letters",
}


def missing_in(worker: Worker) -> list[str]:
    """What keeps the worker from doing its work, the whole of it."""
    return [*([worker.failing] if worker.failing else []), *worker.owned.stopped.reasons]


def facts_of(worker: Worker, registry: CollectorRegistry) -> Mapping[str, object]:
    metrics = registry.restricted_registry(list(_FACTS)).collect()
    samples = {sample.name: sample.value for metric in metrics for sample in metric.samples}
    return {name: samples[metric] for metric, name in _FACTS.items()} | {"stopped": worker.owned.stopped.reasons}
