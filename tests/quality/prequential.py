"""Scores that were given before the truth was known: by the newest snapshot that there was before each sample."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.segmentation.models.definition import LookalikeModel, PropensityModel
from services.segmentation.models.prediction import predict
from services.segmentation.models.samples import Outcome, Sample, Told
from services.segmentation.models.snapshots import Snapshot
from services.segmentation.training import opening
from tests.quality import batch
from tests.quality.measures import auc, lift


class Scored(NamedTuple):
    sample: Sample
    score: float | None
    """None before there was any snapshot."""


@dataclass
class Course:
    scored: list[Scored] = field(default_factory=list)
    last: Snapshot | None = None

    def judged(self, labels: Sequence[bool | None], since: float = 0.5) -> "Judged":
        """Marks for the later part of the samples, beside batch models that have learned from the earlier part.

        A label is None where the recording ends before it is known.
        """
        edge = int(len(self.scored) * since)
        earlier = [(each.sample.features, label) for each, label in zip(self.scored[:edge], labels, strict=False)]
        known = [(features, label) for features, label in earlier if label is not None]
        rows, truth = [row for row, _ in known], [label for _, label in known]
        later = [
            (each, label)
            for each, label in zip(self.scored[edge:], labels[edge:], strict=True)
            if label is not None and each.score is not None
        ]
        asked, wanted = [each.sample.features for each, _ in later], [label for _, label in later]
        ours = [each.score for each, _ in later if each.score is not None]
        return Judged(
            marks(wanted, ours),
            marks(wanted, batch.logistic(rows, truth, asked)),
            marks(wanted, batch.boosted(rows, truth, asked)),
            len(wanted),
            sum(wanted) / len(wanted),
            expected_error(wanted, ours),
        )


class Marks(NamedTuple):
    auc: float
    lift: float
    """Among the best 5 %."""


class Judged(NamedTuple):
    ours: Marks
    logistic: Marks
    boosted: Marks
    asked: int
    base: float
    """The part of labels that are true."""
    error: float
    """How far the scores are from what came true, taken as probabilities; the mean over ten parts of as many."""


def marks(labels: Sequence[bool], scores: Sequence[float]) -> Marks:
    return Marks(auc(labels, scores), lift(labels, scores))


def expected_error(labels: Sequence[bool], scores: Sequence[float], parts: int = 10) -> float:
    ranked = sorted(zip(scores, labels, strict=True))
    size = -(-len(ranked) // parts)
    slices = [ranked[start : start + size] for start in range(0, len(ranked), size)]
    gaps = (abs(sum(score for score, _ in each) - sum(label for _, label in each)) for each in slices)
    return sum(gaps) / len(ranked)


def follow(definition: LookalikeModel | PropensityModel, stream: Iterable[Told]) -> Course:
    """Tell a training everything, in order."""
    training, course = opening.begin("m", definition, tuple(definition.features)), Course()
    for told in stream:
        if isinstance(told, Sample):
            course.scored.append(Scored(told, score_of(course.last, told)))
        training.learn(told)
        if training.is_due:
            course.last = training.publish()
    course.last = training.publish()
    return course


def score_of(snapshot: Snapshot | None, sample: Sample) -> float | None:
    said = None if snapshot is None else predict(snapshot, sample.features)
    assert said is None or isinstance(said, float)
    return said


def outcomes_within(stream: Sequence[Told], within_ms: int) -> list[bool | None]:
    """Of each sample, whether its user does it within the horizon; None where the stream ends before that is known."""
    end_ms = max(each.at_ms for each in stream)
    deeds: dict[int, list[int]] = {}
    for each in stream:
        if isinstance(each, Outcome):
            deeds.setdefault(each.user, []).append(each.at_ms)
    did: Callable[[Sample], bool] = lambda sample: any(  # noqa: E731
        sample.at_ms < at_ms <= sample.at_ms + within_ms for at_ms in deeds.get(sample.user, ())
    )
    samples = [each for each in stream if isinstance(each, Sample)]
    return [did(each) if each.at_ms + within_ms <= end_ms else None for each in samples]
