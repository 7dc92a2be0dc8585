"""What is measured of a user for a model, whatever its kind."""

from services.segmentation.keep import KeepList
from services.segmentation.models.definition import ModelDefinition, RfmModel
from services.segmentation.models.features import Features, looks_at, terms_of
from services.segmentation.models.measures import Measure, age_of, count_of, number_of
from services.segmentation.rules import nodes
from services.segmentation.rules.leaves import Leaves

RFM_FEATURES = ("recency_ms", "frequency", "value")


def recipe_of(definition: ModelDefinition, keep: KeepList, leaves: Leaves | None = None) -> Features:
    """The features of a model; `leaves` are those of the rules whose scenes are measured. Raises BadFeature.

    Those of an RFM model are in units of their own: the age of the latest event in milliseconds, how many and how much
    in the window. They are None of a user without any such event.
    """
    if isinstance(definition, RfmModel):
        return _rfm(definition, keep, Leaves() if leaves is None else leaves)
    return Features.of(definition.features, keep, leaves)


def _rfm(model: RfmModel, keep: KeepList, leaves: Leaves) -> Features:
    window = "" if model.within is None else f', within="{model.within}"'
    texts = (
        f'since("{model.event}")',
        f'count("{model.event}"{window})',
        f'sum("{model.event}", {model.value!r}{window})',
    )
    terms = terms_of(dict(zip(RFM_FEATURES, texts, strict=True)), keep)
    since, count, total = terms.values()
    assert isinstance(since, nodes.Since)
    assert isinstance(count, nodes.Count)
    assert isinstance(total, nodes.Sum)
    age = age_of(since, leaves)
    measures = age, _where(age, count_of(count, leaves)), _where(age, number_of(total, leaves))
    return Features(RFM_FEATURES, looks_at(terms.values(), leaves), measures)


def _where(age: Measure, number: Measure) -> Measure:
    """The number of those who have an age."""
    return lambda scene, moments: [None] if age(scene, moments)[0] is None else number(scene, moments)
