"""What the trainings of all kinds have in common: the warm-up, the scale, the panel of users, the versions.

The scale is frozen from one snapshot to the next. It is taken anew where the panel has long left the one in use, as
that of a young site does, whose users were all there for the first time when the warm-up saw them: the learner goes on
in the new scale, having learned these users in it. That is decided when a snapshot is made, and by users, each of whom
counts once, so that no single one can bring it about.
"""

from collections.abc import Sequence

from services.segmentation.events import MAX_TS_MS
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.samples import Outcome, Sample, Told
from services.segmentation.models.scaling import Scale
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training.journal import Journal
from services.segmentation.training.learner import Kind, Learner, Occasion, Population, Seen
from services.segmentation.training.panel import Panel
from services.segmentation.training.port import FEWEST, State
from services.segmentation.training.scales import is_far, scale_of


class Course:
    """A training that takes samples; of outcomes it knows nothing."""

    def __init__(
        self,
        model_id: str,
        definition: ModelDefinition,
        features: Sequence[str],
        kind: Kind,
        before: Snapshot | None = None,
    ) -> None:
        """`before` is what is taken over from an earlier definition."""
        self._model_id, self._definition, self._features, self._kind = model_id, definition, tuple(features), kind
        self._taken = self._learned = self._published = 0
        self._version = 0 if before is None else before.version
        self._at_ms = 0
        self._panel = Panel(kind.half_life_ms, salt=definition.digest.encode())
        self._journal = Journal.after(before)
        self._scale: Scale | None = None
        self._learner: Learner | None = None

    @property
    def samples(self) -> int:
        return self._taken

    @property
    def is_due(self) -> bool:
        every = self._definition.publish_every if self._published else 0
        return self._is_warm and self._learned >= self._published + every

    def learn(self, told: Told) -> None:
        self.check(told)
        if isinstance(told, Outcome):
            return
        is_admitted = self._kind.admits(told)
        self._taken += 1
        if is_admitted:
            self._admit(told)

    def check(self, told: Told) -> None:
        """Raises ValueError where it is of no moment, or without the definition's features, each None or in bounds."""
        if not 0 <= told.at_ms <= MAX_TS_MS:
            raise ValueError("a moment that there is not")
        if isinstance(told, Outcome):
            return
        if len(told.features) != len(self._features):
            raise ValueError(f"{len(told.features)} features where there are {len(self._features)}")
        bound = self._kind.bound
        if not all(value is None or -bound <= value <= bound for value in told.features):
            raise ValueError(f"a feature that is not a number within {bound:g}")

    def publish(self, *, early: bool = False) -> Snapshot | None:
        if not self._is_warm and not (early and self._learned >= FEWEST):
            return None
        population = self._start()
        self._version += 1
        self._published = self._learned
        snapshot = self._snapshot(population)
        if self._kind.has_classes:
            self._journal.latest = snapshot
        return snapshot

    def state(self) -> State:
        return {
            "definition": self._definition.digest,
            "features": [*self._features],
            "counts": [self._taken, self._learned, self._published, self._version],
            "at_ms": self._at_ms,
            "panel": self._panel.state(),
            "journal": self._journal.state(),
            "scale": self._scale and [[*self._scale.means], [*self._scale.deviations]],
            "learner": self._learner and self._learner.state(),
        }

    @classmethod
    def resume(cls, model_id: str, definition: ModelDefinition, kind: Kind, state: State) -> "Course":
        if state["definition"] != definition.digest:
            raise ValueError("the state of a training for another definition")
        course = cls(model_id, definition, state["features"], kind)
        course._taken, course._learned, course._published, course._version = state["counts"]
        course._at_ms = state["at_ms"]
        course._panel.restore(state["panel"])
        course._journal = Journal.resume(state["journal"])
        if state["scale"] is not None:
            means, deviations = state["scale"]
            course._scale = Scale(tuple(means), tuple(deviations))
            course._learner = kind.resume(state["learner"], course._scale)
        return course

    @property
    def _is_warm(self) -> bool:
        return self._learner is not None or self._learned >= self._definition.warm_up

    def _admit(self, sample: Sample) -> None:
        self._learned += 1
        self._at_ms = max(self._at_ms, sample.at_ms)
        self._panel.add(sample.user, sample.at_ms, sample.features, sample.label)
        self._journal.seen(sample)
        if self._learner is not None and self._scale is not None:
            self._learner.learn(sample, self._scale.scaled(sample.features))
        elif self._is_warm:
            self._start()

    def _start(self) -> Population:
        """Where that was not done, or not in a scale that still fits."""
        scale = scale_of([row.features for row in self._panel.rows()], self._kind.scale_of)
        if self._scale is None or is_far(self._scale, scale):
            self._scale = scale
            population = self._population(scale)
            if self._learner is None:
                self._learner = self._kind.begin(population)
            else:
                self._learner.restart(population)
            return population
        return self._population(self._scale)

    def _population(self, scale: Scale) -> Population:
        users = [
            Seen(row.user, row.at_ms, row.features, scale.scaled(row.features), row.label) for row in self._panel.rows()
        ]
        return Population(scale, users)

    def _snapshot(self, population: Population) -> Snapshot:
        assert self._learner is not None
        moves, gone_to = self._journal.moves(), self._journal.gone_to()
        occasion = Occasion(self._version, self._at_ms, population, self._journal.latest, moves, gone_to)
        return Snapshot(
            self._model_id,
            self._version,
            self._definition.digest,
            self._features,
            population.scale,
            self._learner.body(occasion),
            self._learned,
            self._at_ms,
        )
