"""What a kind of model adds to a course: how it learns, and what its snapshot says. `course` has all that is common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from services.segmentation.models.samples import BOUND, Sample, Vector
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Body, Move, Snapshot
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.training.port import State


class Seen(NamedTuple):
    """A user as the newest sample shows it."""

    user: int
    at_ms: int
    features: Vector
    scaled: Scaled
    label: bool | None


class Population(NamedTuple):
    """The users of the panel, once each, the one seen last at the end."""

    scale: Scale
    users: Sequence[Seen]

    @property
    def features(self) -> list[Vector]:
        return [user.features for user in self.users]

    @property
    def scaled(self) -> list[Scaled]:
        return [user.scaled for user in self.users]


class Occasion(NamedTuple):
    """For which a snapshot is made."""

    version: int
    at_ms: int
    population: Population
    before: Snapshot | None
    """The one before, of a model that puts users into classes."""
    moves: tuple[Move, ...]
    gone_to: Mapping[str, str]
    """By class, the one to which most of its people have gone, where they have."""


class Learner(Protocol):
    def learn(self, sample: Sample, scaled: Scaled) -> None: ...

    def restart(self, population: Population) -> None:
        """The scale is another: go on in it, having learned these users in it."""

    def body(self, occasion: Occasion) -> Body: ...

    def state(self) -> State: ...


def everybody(_: Sample) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """A learner for one definition, and what the course has to know of it."""

    begin: Callable[[Population], Learner]
    """One that has learned these users."""
    resume: Callable[[State, Scale], Learner]
    scale_of: Callable[[Sequence[Vector]], Scale] = Scale.of
    admits: Callable[[Sample], bool] = everybody
    """Whether it is learned at all. Raises ValueError where the sample is none of this kind."""
    bound: float = BOUND
    """What no feature is beyond, on either side of zero."""
    half_life_ms: float = 90 * UNITS_MS["d"]
    """Who was last seen so long before another is half as likely to be on the panel."""
    has_classes: bool = False
    """Whether users are in one class or another, between which they move."""
