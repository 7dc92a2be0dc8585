"""Edits of the models in a catalog: how they are defined, and which snapshots of them are live."""

from collections.abc import Mapping, Sequence

from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.features import BadFeature
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.registry import BadModel, Registry, segments_named
from services.segmentation.rules.nearest import did_you_mean, nearest


class ModelInUse(ValueError):
    """The rules of segments, `users`, name the one that was to be deleted."""

    def __init__(self, users: Sequence[str]) -> None:
        super().__init__(f"it is named by the rules of {', '.join(users[:10])}{', …' if len(users) > 10 else ''}")
        self.users = users


def put_models(catalog: Catalog, definitions: Mapping[str, ModelDefinition], keep: KeepList) -> Catalog:
    """The catalog with these models; the same object when nothing changes.

    Raises BadModel, also where a feature names what `keep` does not hold, and TooManyModels. Which segments they learn
    of may be put later: `refuse_strangers` sees to it.
    """
    _check(definitions, keep)
    return _edited(catalog, catalog.registry.put_all(definitions, catalog.version + 1))


def put_models_file(catalog: Catalog, definitions: Mapping[str, ModelDefinition], keep: KeepList) -> Catalog:
    """The catalog after an operator's file, by the law that holds for one of segments. Raises as `put_models` does."""
    _check(definitions, keep)
    return _edited(catalog, catalog.registry.put_file(definitions, catalog.version + 1))


def refuse_strangers(catalog: Catalog) -> None:
    """Raises BadModel where one learns of the users of a segment that there is not."""
    for name, model in catalog.registry.models.items():
        for segment_id in sorted(segments_named(model.definition)):
            if segment_id not in catalog.segments:
                hint = did_you_mean(nearest(segment_id, catalog.segments))
                raise BadModel(name, f"there is no segment {segment_id} to learn of" + (f"; {hint}" if hint else ""))


def delete_model(catalog: Catalog, model_id: str) -> Catalog:
    """The catalog without this model; the same object when there is none. Raises ModelInUse."""
    if model_id not in catalog.registry.models:
        return catalog
    if users := sorted(name for name, segment in catalog.segments.items() if model_id in segment.models):
        raise ModelInUse(users)
    return _edited(catalog, catalog.registry.without(model_id))


def publish(catalog: Catalog, numbers: Mapping[str, int]) -> Catalog:
    """With these snapshots live, by model, as far as they are newer and the model is there and not pinned."""
    return _edited(catalog, catalog.registry.published(numbers, catalog.version + 1))


def pin(catalog: Catalog, model_id: str, number: int) -> Catalog:
    """With that snapshot live, whatever is learned, until the model is released."""
    return _edited(catalog, catalog.registry.pinned(model_id, number, catalog.version + 1))


def release(catalog: Catalog, model_id: str) -> Catalog:
    return _edited(catalog, catalog.registry.released(model_id))


def _edited(catalog: Catalog, registry: Registry) -> Catalog:
    return catalog if registry is catalog.registry else catalog.after_edit(registry=registry)


def _check(definitions: Mapping[str, ModelDefinition], keep: KeepList) -> None:
    for name, definition in definitions.items():
        try:
            recipe_of(definition, keep)
        except BadFeature as error:
            raise BadModel(name, str(error)) from error
