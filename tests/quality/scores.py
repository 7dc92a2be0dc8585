"""Does the lift of look-alikes hold, and do foretold deeds come true? On planted populations."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from services.segmentation.models.definition import LookalikeModel, PropensityModel
from services.segmentation.models.samples import Sample
from tests.quality import batch
from tests.quality.figures import table
from tests.quality.harm import with_odd
from tests.quality.judging import features_of
from tests.quality.labelled import Alike, Buying
from tests.quality.measures import auc, lift
from tests.quality.prequential import Judged, follow, outcomes_within, score_of

DAY_MS = 86_400_000


class Likeness(NamedTuple):
    """Of users outside the seed, whether those of its hidden group are found."""

    auc: float
    lift: float
    batch_auc: float
    batch_lift: float
    top: float
    """The part of all users whose score is 0.95 or more; 0.05 is what that promises."""


def lookalike_model(dimensions: int) -> LookalikeModel:
    return LookalikeModel(kind="lookalike", name="alike", seed="seed", features=features_of(dimensions))


def propensity_model(dimensions: int, horizon_days: int = 7) -> PropensityModel:
    within = f"{horizon_days}d"
    return PropensityModel(kind="propensity", name="buys", within=within, features=features_of(dimensions))


def likeness(population: Alike, odd_users: int = 0) -> Likeness:
    """Where there are `odd_users`, each twentieth sample is of one of them; what is judged is said of the others."""
    told = list(population)
    samples = [sample for _, sample in told]
    stream = with_odd(samples, 0.05, odd_users) if odd_users else samples
    snapshot = follow(lookalike_model(population.dimensions), stream).last
    newest = dict(told)
    scores = {user: score_of(snapshot, sample) or 0.0 for user, sample in newest.items()}
    rest = [user for user in newest if not population.is_seed[user]]
    wanted = [bool(population.is_member[user]) for user in rest]
    ours = [scores[user] for user in rest]
    rows = {user: sample.features for user, sample in newest.items()}
    labels = [bool(population.is_seed[user]) for user in rows]
    theirs = batch.logistic(list(rows.values()), labels, [rows[user] for user in rest])
    top = float(np.mean([score >= 0.95 for score in scores.values()]))
    return Likeness(auc(wanted, ours), lift(wanted, ours), auc(wanted, theirs), lift(wanted, theirs), top)


def foretold(population: Buying) -> Judged:
    stream = list(population)
    course = follow(propensity_model(population.dimensions, population.horizon_days), stream)
    return course.judged(outcomes_within(stream, population.horizon_days * DAY_MS))


def calibration(population: Buying) -> float:
    """How far what the last snapshot says is from the true chance, over all users; the mean."""
    stream = list(population)
    last = follow(propensity_model(population.dimensions, population.horizon_days), stream).last
    newest = {each.user: each for each in stream if isinstance(each, Sample)}
    gaps = [abs((score_of(last, sample) or 0.0) - population.chance_of(user)) for user, sample in newest.items()]
    return float(np.mean(gaps))


def report(seeds: int) -> Iterator[str]:
    rows: list[list[object]] = []
    for strength in (1.0, 2.0, 3.0):
        for known in (0.5, 0.1):
            found = [
                likeness(Alike(8, group=0.1, known=known, strength=strength, seed=seed, crooked=bool(seed % 2)))
                for seed in range(seeds)
            ]
            middle = np.median(np.array(found), axis=0)
            rows.append([f"{strength:g} deviations apart, {known:.0%} of the group known", *map(float, middle)])
    head = ["Look-alikes of a hidden tenth", "AUC", "lift at 5 %", "batch AUC", "batch lift", "part at 0.95 or more"]
    yield table(head, rows)
    rows = []
    for often in (0.02, 0.2):
        for strength in (0.7, 1.5):
            judged = [foretold(Buying(6, often, strength, seed=seed)) for seed in range(seeds)]
            rows.append([f"{often:g} a week, strength {strength:g}", *_shown(judged)])
    yield table(["Who will buy", "base", *HEAD], rows)


HEAD = (
    "AUC",
    "lift at 5 %",
    "logistic AUC",
    "logistic lift",
    "boosted AUC",
    "boosted lift",
    "calibration error",
)


def _shown(judged: list[Judged]) -> list[float]:
    rows = [[each.base, *each.ours, *each.logistic, *each.boosted, each.error] for each in judged]
    return [float(figure) for figure in np.median(np.array(rows), axis=0)]
