"""Which snapshots may go live now: a policy over what is stored and what the catalog says."""

from collections.abc import Mapping

from services.segmentation.models.registry import Model, Registry


def going_live(registry: Registry, newest: Mapping[str, int], *, is_time: bool) -> Mapping[str, int]:
    """By model, the newest stored snapshot; before it is time, of models that say nothing by their newest definition.

    Which of them are newer than what is live, and not held back by an operator, the edit itself knows.
    """
    models = registry.models.items()
    return {name: newest[name] for name, model in models if name in newest and (is_time or _is_silent(registry, model))}


def is_time(registry: Registry, every_ms: float, now_ms: int) -> bool:
    """Whether the latest publication was that long ago; versions of the catalog are moments.

    One in the future is of a clock that has been put back since.
    """
    latest = max((model.live.since for model in registry.models.values() if model.live), default=0)
    return latest > now_ms or now_ms - latest >= every_ms


def _is_silent(registry: Registry, model: Model) -> bool:
    trained = registry.trained.get(model.id) if registry.told_since(model.id) is not None else None
    return trained is None or trained.definition.digest != model.definition.digest
