"""What is kept of trying a model beside its snapshots: enough to look at it without the recording."""

from pydantic import BaseModel, ConfigDict

from services.model_tools.hindsight import Judged
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.samples import Vector

MOST_USERS = 4_000


class Recorded(BaseModel):
    """What a recording held."""

    model_config = ConfigDict(frozen=True)

    name: str
    events: int
    bad_rows: int
    users: int
    first_ms: int
    latest_ms: int


class Tried(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: str
    definition: ModelDefinition
    recorded: Recorded
    samples: int
    """That it learned from."""
    vectors: tuple[Vector, ...]
    """The latest sample of each of the users who were sampled last, at most `MOST_USERS`."""
    sampled_ms: tuple[int, ...]
    """When each of these was taken."""
    judged: tuple[Judged, ...]
    """What was said of users beside what turned out, the oldest first."""
