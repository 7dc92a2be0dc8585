"""The chapter of a model of recency, frequency and value."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from services.model_tools.report.chapters.frame import framed
from services.model_tools.report.chapters.moving import moves_picture
from services.model_tools.report.chapters.wording import number, part
from services.model_tools.report.look import Look
from services.model_tools.report.parts import Chapter, Picture, Table
from services.model_tools.report.pictures.tables import heat
from services.rule_tools.moments import shown_duration
from services.segmentation.models.prediction import Rfm, predict
from services.segmentation.models.snapshots import Classes, Move

_BEST_FIRST = (5, 4, 3, 2, 1)
_WELL_KNOWN: Sequence[tuple[str, str, Callable[[Rfm], bool]]] = (
    ("champions", "r, f and m 4 or 5", lambda each: min(each) >= 4),
    (
        "loyal customers",
        "f 4 or 5, r 3 or more, no champions",
        lambda each: each.f >= 4 and each.r >= 3 and min(each) < 4,
    ),
    ("new customers", "r 5, f 1", lambda each: each.r == 5 and each.f == 1),
    ("big spenders at risk", "r 1 or 2, m 4 or 5", lambda each: each.r <= 2 and each.m >= 4),
    ("asleep", "r 1 or 2, f and m 1 or 2", lambda each: max(each) <= 2),
)


def ranks_chapter(look: Look, classes: Classes) -> Chapter:
    ranks = [*_now(look)]
    of_all = len(look.tried.vectors)
    remarks = [
        f"{len(ranks):,} of {of_all:,} users of the sample had the event; only they have classes; 5 is the best."
    ]
    if len(set(classes.frequency)) < len(classes.frequency):
        remarks.append("So many users are alike in frequency that some classes stay empty: bounds cannot part equals.")
    return framed(
        look.tried,
        remarks,
        [_bounds(classes), _well_known(ranks), *_pictures(ranks, classes)],
    )


def _now(look: Look) -> Iterator[Rfm]:
    """In which classes those are who have any, as of the moment of the bounds: who was not seen again has aged."""
    for vector, at_ms in zip(look.tried.vectors, look.tried.sampled_ms, strict=True):
        age_ms, frequency, value = vector
        passed_ms = max(0, look.latest.at_ms - at_ms)
        said = predict(look.latest, (None if age_ms is None else age_ms + passed_ms, frequency, value))
        if isinstance(said, Rfm):
            yield said


def _bounds(classes: Classes) -> Table:
    rows = [(str(best), *(bounds[place] for bounds in _worded(classes))) for place, best in enumerate(_BEST_FIRST)]
    return Table("What the classes mean", ("class", "recency", "frequency", "value"), rows, text_columns=0)


def _worded(classes: Classes) -> Iterator[list[str]]:
    ages = [shown_duration(bound) for bound in classes.recency_ms]
    yield [*(f"less than {age}" for age in ages), f"{ages[-1]} or more"]
    for bounds in (classes.frequency, classes.value):
        falling = [number(bound) for bound in reversed(bounds)]
        yield [*(f"{bound} or more" for bound in falling), f"less than {falling[-1]}"]


def _well_known(ranks: Sequence[Rfm]) -> Table:
    rows = [
        (name, rule, f"{(users := sum(map(holds, ranks))):,}", part(users / max(1, len(ranks))))
        for name, rule, holds in _WELL_KNOWN
    ]
    return Table("Well-known groups", ("group", "classes", "users", "share"), rows, text_columns=2)


def _pictures(ranks: Sequence[Rfm], classes: Classes) -> Iterator[Picture]:
    if ranks:
        note = (
            "Left, the part of the users in each pair of classes; right, the mean class of value of those. "
            "The best customers are in the upper right corner."
        )
        yield Picture("classes", "Recency and frequency", note, lambda figure: _draw(ranks, figure), 7, 3)
    if classes.moves:
        recency = [Move(each.day, _recency(each.before), _recency(each.after), each.users) for each in classes.moves]
        yield moves_picture(recency, [f"r{best}" for best in _BEST_FIRST], "class of recency")


def _draw(ranks: Sequence[Rfm], figure: Figure) -> None:
    users, values = np.zeros((5, 5)), np.zeros((5, 5))
    for each in ranks:
        users[5 - each.r, each.f - 1] += 1
        values[5 - each.r, each.f - 1] += each.m
    means = np.divide(values, users, out=np.full_like(values, np.nan), where=users > 0)
    shares = np.where(users > 0, users / len(ranks), np.nan)
    rows, columns = [f"r{best}" for best in _BEST_FIRST], [f"f{each}" for each in range(1, 6)]
    left, right = figure.subplots(1, 2)
    heat(shares, rows, columns, float(np.nanmax(shares)), part, left)
    heat(means, rows, columns, 5.0, lambda value: f"{value:.1f}", right)
    left.set_title("users", fontsize=10, loc="left")
    right.set_title("mean class of value", fontsize=10, loc="left")


def _recency(name: str) -> str:
    return f"r{name.lstrip('r')[:1]}"
