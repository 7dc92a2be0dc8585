"""The training that a definition asks for, from the beginning or from where it was."""

from collections.abc import Sequence

from services.segmentation.models.definition import (
    AnomalyModel,
    ClusterModel,
    LookalikeModel,
    ModelDefinition,
    PropensityModel,
    RfmModel,
)
from services.segmentation.models.snapshots import Trained
from services.segmentation.training.course import Course
from services.segmentation.training.kinds import anomalies, classes, clusters, scores
from services.segmentation.training.kinds.propensity import Foretelling
from services.segmentation.training.learner import Kind
from services.segmentation.training.port import State, Training
from services.segmentation.training.river.catalogue import check
from services.segmentation.training.succession import taken_over


def begin(
    model_id: str, definition: ModelDefinition, features: Sequence[str], after: Trained | None = None
) -> Training:
    """One that has learned nothing; `features` are the names in the order of vectors.

    `after` is the last snapshot that was made of the model for an earlier definition: versions go on after its own, and
    clusters keep their ids if they can, and are never given one that was another's. Raises BadParameters where there is
    no such estimator or it has no such parameter.
    """
    check(definition)
    before = None if after is None else taken_over(after, definition, features)
    if isinstance(definition, PropensityModel):
        return Foretelling.begin(model_id, definition, features, before)
    return Course(model_id, definition, features, _kind_of(definition), before)


def resume(model_id: str, definition: ModelDefinition, state: State) -> Training:
    """The one of which `state` is. Raises ValueError where it is none of a training for this definition."""
    try:
        if isinstance(definition, PropensityModel):
            return Foretelling.resume(model_id, definition, state)
        return Course.resume(model_id, definition, _kind_of(definition), state)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not the state of a training: {type(error).__name__}") from error


def _kind_of(definition: ClusterModel | RfmModel | LookalikeModel | AnomalyModel) -> Kind:
    match definition:
        case ClusterModel():
            return clusters.kind_of(definition)
        case RfmModel():
            return classes.kind_of()
        case LookalikeModel():
            return scores.kind_of(definition)
        case AnomalyModel():
            return anomalies.kind_of(definition)
