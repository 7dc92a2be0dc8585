"""A definition in a sentence, so that whoever wrote it sees what was understood."""

from services.segmentation.models.definition import (
    AnomalyModel,
    ClusterModel,
    LookalikeModel,
    ModelDefinition,
    PropensityModel,
    RfmModel,
)


def summary(definition: ModelDefinition) -> str:
    among = "all users" if definition.among is None else f"the users of the segment {definition.among}"
    return f"{_what(definition)}, among {among}, each sampled about every {definition.sample_every} of activity"


def _what(definition: ModelDefinition) -> str:
    match definition:
        case ClusterModel():
            return f"groups found by {definition.estimator} in {_features(len(definition.features))}"
        case RfmModel():
            window = "ever" if definition.within is None else f"within {definition.within}"
            return f"how recently, how often and for how much {definition.value} users had {definition.event}, {window}"
        case LookalikeModel():
            return (
                f"how much a user is like those of the segment {definition.seed}, by {definition.estimator} "
                f"from {_features(len(definition.features))}"
            )
        case PropensityModel():
            return (
                f"how likely {definition.event} is within {definition.within}, by {definition.estimator} "
                f"from {_features(len(definition.features))}"
            )
        case AnomalyModel():
            return f"how unusual a user is, by {definition.estimator} from {_features(len(definition.features))}"


def _features(number: int) -> str:
    return "1 feature" if number == 1 else f"{number} features"
