"""What a marketer writes to define a model, by its kind. Everything that may be said of one lives here."""

from collections.abc import Mapping, Set
from hashlib import sha256
from typing import Annotated, Literal, Self

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from services.segmentation.events import SEGMENT_ID_PATTERN, TYPE_PATTERN, Purpose
from services.segmentation.rules.durations import parse_duration

MODEL_ID_PATTERN = SEGMENT_ID_PATTERN
MAX_FEATURES = 64
_ABOUT = frozenset(["name", "description", "sample_every", "warm_up", "publish_every", "cluster_names"])
"""What may be changed of a model without its having to learn anything anew."""
_MEASURING = 2
"""By which law features are measured (`features.py`): what was learned by another is of no use."""

ModelId = Annotated[str, Field(pattern=MODEL_ID_PATTERN)]
SegmentId = Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)]
EventType = Annotated[str, Field(pattern=TYPE_PATTERN)]
FeatureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ClusterId = Annotated[str, Field(pattern=r"^c[1-9][0-9]{0,17}$")]
Parameter = Annotated[int, Field(ge=-(2**53), le=2**53)] | float | str | bool | None
"""Of numbers those that JSON brings back as they were."""


def _duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=2_000)
    among: SegmentId | None = Field(None, description="the segment of whose users it learns; everybody without one")
    sample_every: Duration = Field("6h", description="a user who is active is sampled once in so long")
    warm_up: int = Field(1_000, ge=50, le=10_000, description="samples that are gathered before the first is learned")
    publish_every: int = Field(2_000, ge=50, le=10_000_000, description="samples from one snapshot to the next")
    purposes: list[Purpose] = Field(
        default_factory=list,
        max_length=63,
        description="IAB TCF purposes that a user with a consent record must have granted to be learned from",
    )

    @property
    def digest(self) -> str:
        """What tells apart what is learned; features in another order are others, for vectors have theirs.

        A member that a later version adds changes none where it is not used.
        """
        return self._digest_without(_ABOUT)

    @property
    def whole_digest(self) -> str:
        """What tells definitions apart, whatever of them."""
        return self._digest_without(frozenset())

    def _digest_without(self, left_out: Set[str], **more: int) -> str:
        told = self.model_dump(exclude_defaults=True, exclude={*left_out}) | more
        told["features"] = list(told.get("features", {}).items())
        return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


class _Featured(_Model):
    parameters: Mapping[str, Parameter] = Field(
        default_factory=dict, max_length=32, description="of the estimator, as River names them"
    )
    features: Mapping[FeatureName, Annotated[str, Field(min_length=1, max_length=2_000)]] = Field(
        min_length=1, max_length=MAX_FEATURES, description="terms and conditions of the rule language, by name"
    )

    @property
    def digest(self) -> str:
        return self._digest_without(_ABOUT, measuring=_MEASURING)


class ClusterModel(_Featured):
    """Groups that find themselves."""

    kind: Literal["cluster"]
    estimator: str = Field("KMeans", max_length=64, description="a clusterer of River")
    minimum_share: float = Field(0.02, ge=0, le=0.5, description="a smaller group is counted to its nearest neighbour")
    cluster_names: Mapping[ClusterId, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict, max_length=1_000, description="by id, what clusters are called instead of the made names"
    )


class RfmModel(_Model):
    """How recently, how often and for how much: each in five classes, so that as many users are in each."""

    kind: Literal["rfm"]
    event: EventType = "purchase"
    value: str = Field("value", min_length=1, max_length=128, description="the property that is added up")
    within: Duration | None = Field(None, description="the window of frequency and value; a lifetime without one")


class LookalikeModel(_Featured):
    """How much a user is like those of a segment, against all others: 0.95 for the 5 % who are most alike."""

    kind: Literal["lookalike"]
    estimator: str = Field("LogisticRegression", max_length=64, description="a classifier of River")
    seed: SegmentId = Field(description="the segment whose users are the example")

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if self.seed == self.among:
            raise ValueError("seed is the same segment as among: nobody is left to compare its users with")
        return self


class PropensityModel(_Featured):
    """How likely a user is to do something within a time: 0.2 for one in five."""

    kind: Literal["propensity"]
    estimator: str = Field("LogisticRegression", max_length=64, description="a classifier of River")
    event: EventType = Field("purchase", description="what is foretold")
    within: Duration = Field("7d", description="the horizon")
    grace: Duration = Field("1h", description="how late an event may be told of and still count")


class AnomalyModel(_Featured):
    """How unusual a user is: 0.999 for the most unusual in a thousand."""

    kind: Literal["anomaly"]
    estimator: str = Field("HalfSpaceTrees", max_length=64, description="an anomaly detector of River")


ModelDefinition = Annotated[
    ClusterModel | RfmModel | LookalikeModel | PropensityModel | AnomalyModel, Field(discriminator="kind")
]
MODEL: TypeAdapter[ClusterModel | RfmModel | LookalikeModel | PropensityModel | AnomalyModel] = TypeAdapter(
    ModelDefinition
)
"""Reads a definition. Raises pydantic's ValidationError."""
