"""The chapter of a model that says how much a user is like others, or how likely to do something."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean

from services.model_tools.hindsight import Judged
from services.model_tools.report import hindsights
from services.model_tools.report.chapters.frame import framed
from services.model_tools.report.chapters.wording import part
from services.model_tools.report.look import Look
from services.model_tools.report.parts import Chapter, Picture, Table
from services.model_tools.report.pictures.bars import lifts, weights
from services.model_tools.report.pictures.curves import by_percentile, calibration
from services.segmentation.models.definition import LookalikeModel
from services.segmentation.models.snapshots import Linear

FEW = 500
QUARTERS = 4
MOST_WEIGHTS = 20
TOP = 0.05
NO_VALUE = "-"
SUSPICIOUS = 0.98
"""An area under the curve that is too good to be true."""


def scores_chapter(look: Look, linear: Linear) -> Chapter:
    return framed(
        look.tried,
        _remarks(look),
        [*_of_hindsight(look), _weights(look.features, linear), *_tables(look)],
    )


def _later(look: Look) -> Sequence[Judged]:
    """The later half of the answers, where that is enough: the first versions have hardly learned anything yet."""
    judged = look.tried.judged
    return judged[len(judged) // 2 :] if len(judged) >= 2 * FEW else judged


def _remarks(look: Look) -> Iterator[str]:
    judged, definition = _later(look), look.tried.definition
    if not judged:
        yield "Nothing that was said has come true or false yet: the recording has to go on for longer."
        return
    rate, area, lift = hindsights.base_rate(judged), hindsights.auc(judged), hindsights.lift(judged, TOP)
    yield (
        f"Judged on the latest {len(judged):,} of {len(look.tried.judged):,} answers, each given before the model had "
        f"learned from that sample: true of {part(rate)}."
    )
    if area is None or lift is None:
        yield f"It was {'always' if rate else 'never'} true, so there is nothing to tell apart."
        return
    yield f"The {TOP:.0%} with the highest scores were right {lift:.1f} times as often as all (lift)."
    yield f"Area under the curve {area:.3f}: 0.5 is a guess, 1 is perfect."
    if len(judged) < FEW:
        yield f"{len(judged)} answers are few: take all of this with a pinch of salt."
    if area > SUSPICIOUS and isinstance(definition, LookalikeModel):
        yield (
            "That is too good: the features probably ask what the rule of the seed segment asks, so that the model "
            "finds the seed again and nobody new. Leave out what the rule looks at."
        )


def _tables(look: Look) -> Iterator[Table]:
    judged = _later(look)
    if not judged:
        return
    label = "in the seed" if isinstance(look.tried.definition, LookalikeModel) else "happened"
    rows = [
        (f"{each.said:.3f}", f"{each.rate:.2%}", f"{each.low:.2%} to {each.high:.2%}", f"{each.users:,}")
        for each in reversed(hindsights.bins(judged))
    ]
    yield Table("What was said, and what was true", ("score", label, "95 % interval", "answers"), rows, text_columns=0)
    if len(look.tried.judged) >= QUARTERS * FEW:
        yield _course(look.tried.judged)


def _course(judged: Sequence[Judged]) -> Table:
    size = len(judged) // QUARTERS
    parts = [judged[quarter * size : (quarter + 1) * size] for quarter in range(QUARTERS)]
    rows = [(f"{quarter} of {QUARTERS}", *_figures(each)) for quarter, each in enumerate(parts, start=1)]
    columns = ("quarter of the answers", "said on average", "true", "area", f"lift at {TOP:.0%}")
    return Table("In the course of time", columns, rows)


def _figures(judged: Sequence[Judged]) -> Iterator[str]:
    yield f"{fmean(each.said for each in judged):.3f}"
    yield f"{hindsights.base_rate(judged):.3f}"
    area, lift = hindsights.auc(judged), hindsights.lift(judged, TOP)
    yield NO_VALUE if area is None else f"{area:.3f}"
    yield NO_VALUE if lift is None else f"{lift:.1f}"


def _of_hindsight(look: Look) -> Iterator[Picture]:
    judged = _later(look)
    if not any(each.was_true for each in judged):
        return
    note = "Of these answers, by tenths from the highest scores down: how often they were true beside the mean of all."
    yield Picture("lift", "Lift", note, partial(lifts, hindsights.lift_by_decile(judged)), 7, 3.6)
    found = hindsights.bins(judged)
    if isinstance(look.tried.definition, LookalikeModel):
        note = "The part of the users of about the same score who are in the seed segment, with 95 % intervals."
        yield Picture("seed", "Score and seed", note, partial(by_percentile, found), 7, 3.6)
    else:
        note = "What was said beside what happened, with 95 % intervals. On the dashed line both are the same."
        yield Picture("calibration", "Calibration", note, partial(calibration, found), 7, 4.2)


def _weights(features: Sequence[str], linear: Linear) -> Picture:
    told = sorted(zip(features, linear.weights, strict=True), key=lambda each: -abs(each[1]))[:MOST_WEIGHTS]
    names, values = [name for name, _ in told], [weight for _, weight in told]
    note = "The weight of each feature, in units of its standard deviation; the strongest first."
    height = 1.0 + 0.28 * len(names)
    return Picture("weights", "What speaks for it and against it", note, partial(weights, names, values), 7, height)
