"""How likely a user is to do something within a time: learned from what users did who were sampled that long ago.

One user in five is never learned from. On them scores become probabilities, so that what the model has learned by heart
is worth nothing. As rates rise and fall faster than what goes with them, the probabilities are moved to what the latest
samples of all users say together.
"""

from collections.abc import Iterable, Sequence

from services.segmentation.models.definition import PropensityModel
from services.segmentation.models.prediction import on_curve
from services.segmentation.models.samples import Sample, Told
from services.segmentation.models.scaling import Scale, Scaled
from services.segmentation.models.snapshots import Knots, Linear, Snapshot
from services.segmentation.rules.durations import UNITS_MS, parse_duration
from services.segmentation.training.course import Course
from services.segmentation.training.curves import probabilities, shifted
from services.segmentation.training.kinds.balance import Balanced
from services.segmentation.training.kinds.pending import Pending, spread
from services.segmentation.training.kinds.window import Labelled, Span, Window
from services.segmentation.training.learner import Kind, Occasion, Population, Seen
from services.segmentation.training.port import State

HELD_OUT = Span(28 * UNITS_MS["d"], fewest=5_000, most=20_000)
"""Samples of users who are not learned from."""
LATELY = Span(7 * UNITS_MS["d"], fewest=2_000, most=8_000)
"""Samples that tell the rate of today: of a whole week, for a calm Thursday says nothing of a Saturday."""
BELIEF = 20
"""Deeds as which the rate of before counts beside theirs, for few are no certainty."""


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
    def __init__(self, balanced: Balanced, held_out: Window, lately: Window) -> None:
        self._balanced, self._held_out, self._lately = balanced, held_out, lately

    @classmethod
    def begin(cls, definition: PropensityModel, population: Population) -> "_Weighing":
        balanced = Balanced.begin(definition, population.scale, _learned(population))
        weighing = cls(balanced, Window(HELD_OUT), Window(LATELY))
        for user in population.users:
            weighing._keep(user)
        return weighing

    @classmethod
    def resume(cls, definition: PropensityModel, scale: Scale, state: State) -> "_Weighing":
        windows = Window.resume(HELD_OUT, state["held_out"]), Window.resume(LATELY, state["lately"])
        return cls(Balanced.resume(definition, scale, state["balanced"]), *windows)

    def learn(self, sample: Sample, _: Scaled) -> None:
        self._keep(sample)
        if not is_held_out(sample.user):
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
            "held_out": self._held_out.state(),
            "lately": self._lately.state(),
        }

    def _keep(self, each: Sample | Seen) -> None:
        self._lately.add(each)
        if is_held_out(each.user):
            self._held_out.add(each)

    def _scored(self, told: Iterable[Labelled], scale: Scale) -> list[tuple[float, bool]]:
        return [(self._balanced.raw(scale.scaled(each.features)), each.label) for each in told]


def is_held_out(user: int) -> bool:
    return spread(user) % 5 == 0


def _kind_of(definition: PropensityModel) -> Kind:
    return Kind(
        begin=lambda population: _Weighing.begin(definition, population),
        resume=lambda state, scale: _Weighing.resume(definition, scale, state),
    )


def _learned(population: Population) -> list[Seen]:
    return [user for user in population.users if not is_held_out(user.user)]


def _of_today(curve: Knots, lately: Sequence[tuple[float, bool]]) -> Knots:
    raws = [raw for raw, _ in lately]
    said, true = sum(on_curve(curve, raw) for raw in raws), sum(label for _, label in lately)
    return shifted(curve, raws, said / len(raws) * (true + BELIEF) / (said + BELIEF))


def _times_ms(definition: PropensityModel) -> tuple[int, int]:
    return parse_duration(definition.within), parse_duration(definition.grace)
