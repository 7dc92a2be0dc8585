"""Models in a catalog, with what was learned of them live and at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from services.segmentation.catalog import Catalog
from services.segmentation.model_edits import publish
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.registry import Registry
from services.segmentation.models.snapshots import Snapshot, Trained


def registry_of(definitions: Mapping[str, ModelDefinition], snapshots: Iterable[Snapshot]) -> Registry:
    trained = {each.model: Trained(definitions[each.model], each) for each in snapshots}
    numbers = {model: each.snapshot.version for model, each in trained.items()}
    return Registry().put_all(definitions, 1).published(numbers, 1).with_trained(trained)


def newly_published(catalog: Catalog, snapshots: Iterable[Snapshot]) -> Catalog:
    """With newer snapshots of some of its models: each gets the next number."""
    trained = {}
    for each in snapshots:
        model = catalog.registry.models[each.model]
        number = 1 if model.live is None else model.live.number + 1
        trained[each.model] = Trained(model.definition, replace(each, version=number))
    after = publish(catalog, {model: each.snapshot.version for model, each in trained.items()})
    return after.with_registry(after.registry.with_trained(trained))
