"""What is refused of models beyond what a definition refuses by itself: nothing is put that could never learn.

A model has a number of estimators to choose from, whose parameters have bounds. Those are known without River.
"""

from collections.abc import Mapping

from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.model_edits import put_models, refuse_strangers
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.registry import BadModel, segments_named
from services.segmentation.training.river.catalogue import BadParameters, check


def put_checked(catalog: Catalog, definitions: Mapping[str, ModelDefinition], keep: KeepList) -> Catalog:
    """The catalog with these models, ready to learn. Raises BadModel and TooManyModels."""
    refuse_parameters(definitions)
    edited = put_models(catalog, definitions, keep)
    refuse_segments(catalog, edited)
    return edited


def refuse_parameters(definitions: Mapping[str, ModelDefinition]) -> None:
    """Raises BadModel where there is no such estimator, or not with these parameters."""
    for name, definition in definitions.items():
        try:
            check(definition)
        except BadParameters as error:
            raise BadModel(name, str(error)) from None


def refuse_segments(before: Catalog, after: Catalog) -> None:
    """Of the models that an edit put. Raises BadModel where there is no such segment, or it takes an ad request."""
    refuse_strangers(after)
    for name, model in after.registry.models.items():
        if before.registry.models.get(name) is not model:
            for segment_id in sorted(segments_named(model.definition)):
                if after.ready[segment_id].asks:
                    raise BadModel(name, f"the segment {segment_id} asks the ad request, and there is none to learn by")
