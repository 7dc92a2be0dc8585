"""How likely a user is to do something within a time: learned from what users did who were sampled that long ago.

One user in five is never learned from. On them scores become probabilities, so that what the model has learned by heart
is worth nothing. As rates rise and fall faster than what goes with them, the probabilities are moved to what the latest
samples of all users say together.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.segmentation.models.definition import PropensityModel
from services.segmentation.models.prediction import on_curve
from services.segmentation.models.samples import Sample, Told, Vector
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Knots, Linear, Snapshot
from services.segmentation.rules.durations import parse_duration
from services.segmentation.training.course import Course
from services.segmentation.training.curves import probabilities, shifted
from services.segmentation.training.kinds.balance import Balanced
from services.segmentation.training.kinds.pending import Pending, spread
from services.segmentation.training.learner import Kind, Occasion, Population, Seen
from services.segmentation.training.port import State

HELD_OUT = 5_000
"""Samples of users who are not learned from, the latest."""
LATELY = 2_000
"""Samples that tell the rate of today."""
BELIEF = 20
"""Deeds as which the rate of before counts beside theirs, for few are no certainty."""

Labelled = tuple[Vector, bool]


class Foretelling:
    """A training on samples whose labels are decided, in the order in which they are."""

    def __init__(self, course: Course, pending: Pending, taken: int = 0) -> None:
        self._course, self._pending, self._taken = course, pending, taken

    @classmethod
    def begin(
        cls, model_id: str, definition: PropensityModel, features: Sequence[str], before: Snapshot | None = None
    ) -> "Foretelling":
        course = Course(model_id, definition, features, _kind_of(definition), before)
        return cls(course, Pending(*_times_ms(definition)))

    @classmethod
    def resume(cls, model_id: str, definition: PropensityModel, state: State) -> "Foretelling":
        course = Course.resume(model_id, definition, _kind_of(definition), state["course"])
        return cls(course, Pending.resume(*_times_ms(definition), state["pending"]), state["taken"])

    @property
    def samples(self) -> int:
        """That were taken; those of its snapshots are those that were decided."""
        return self._taken

    @property
    def is_due(self) -> bool:
        return self._course.is_due

    def learn(self, told: Told) -> None:
        self._course.check(told)
        if isinstance(told, Sample):
            self._taken += 1
            self._pending.sampled(told)
        else:
            self._pending.happened(told)
        for sample in self._pending.decided():
            self._course.learn(sample)

    def publish(self, *, early: bool = False) -> Snapshot | None:
        return self._course.publish(early=early)

    def state(self) -> State:
        return {"course": self._course.state(), "pending": self._pending.state(), "taken": self._taken}


class _Weighing:
    def __init__(self, balanced: Balanced, held_out: Iterable[Labelled], lately: Iterable[Labelled]) -> None:
        self._balanced, self._held_out, self._lately = balanced, deque(held_out, HELD_OUT), deque(lately, LATELY)

    @classmethod
    def begin(cls, definition: PropensityModel, population: Population) -> "_Weighing":
        balanced = Balanced.begin(definition, population.scale, _learned(population))
        everybody = [(user.features, user.label is True) for user in population.users]
        held_out = (user for user in population.users if is_held_out(user.user))
        return cls(balanced, ((user.features, user.label is True) for user in held_out), everybody)

    @classmethod
    def resume(cls, definition: PropensityModel, scale: Scale, state: State) -> "_Weighing":
        balanced = Balanced.resume(definition, scale, state["balanced"])
        return cls(balanced, _read(state["held_out"]), _read(state["lately"]))

    def learn(self, sample: Sample, _: Scaled) -> None:
        labelled = sample.features, sample.label is True
        self._lately.append(labelled)
        if is_held_out(sample.user):
            self._held_out.append(labelled)
        else:
            self._balanced.learn(sample)

    def restart(self, population: Population) -> None:
        self._balanced.restart(population.scale, _learned(population))

    def body(self, occasion: Occasion) -> Linear:
        scale = occasion.population.scale
        curve = probabilities(self._scored(self._held_out, scale))
        return self._balanced.linear(_of_today(curve, self._scored(self._lately, scale)))

    def state(self) -> State:
        return {
            "balanced": self._balanced.state(),
            "held_out": [[[*features], label] for features, label in self._held_out],
            "lately": [[[*features], label] for features, label in self._lately],
        }

    def _scored(self, told: Iterable[Labelled], scale: Scale) -> list[tuple[float, bool]]:
        return [(self._balanced.raw(scale.scaled(features)), label) for features, label in told]


def is_held_out(user: int) -> bool:
    return spread(user) % 5 == 0


def _kind_of(definition: PropensityModel) -> Kind:
    return Kind(
        begin=lambda population: _Weighing.begin(definition, population),
        resume=lambda state, scale: _Weighing.resume(definition, scale, state),
    )


def _learned(population: Population) -> list[Seen]:
    return [user for user in population.users if not is_held_out(user.user)]


def _read(rows: Iterable[Sequence[Any]]) -> Iterator[Labelled]:
    return ((tuple(features), label) for features, label in rows)


def _of_today(curve: Knots, lately: Sequence[tuple[float, bool]]) -> Knots:
    raws = [raw for raw, _ in lately]
    said, true = sum(on_curve(curve, raw) for raw in raws), sum(label for _, label in lately)
    return shifted(curve, raws, said / len(raws) * (true + BELIEF) / (said + BELIEF))


def _times_ms(definition: PropensityModel) -> tuple[int, int]:
    return parse_duration(definition.within), parse_duration(definition.grace)
