"""The chapter of a model that says how unusual a user is."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from services.model_tools.report.chapters.frame import framed
from services.model_tools.report.chapters.wording import part
from services.model_tools.report.look import Look
from services.model_tools.report.parts import Chapter, Picture, Table
from services.model_tools.report.pictures.maps import Plane, coloured_by_score
from services.segmentation.models.snapshots import Trees

MOST_USERS = 15
MARKED = 0.99
_TOLD = 4
_FAR = 1.0
"""Deviations from the mean from which on a feature is named."""


def anomalies_chapter(look: Look, trees: Trees) -> Chapter:
    scores = [float(score) for score in look.said if isinstance(score, float)]
    remarks = [
        f"A score of {MARKED} means: more unusual than {MARKED:.0%} of the users of the panel.",
        f"{len(trees.masses)} trees of height {trees.height} tell it by how much company a user has.",
    ]
    return framed(
        look.tried,
        remarks,
        [*_map(look, scores), _most_unusual(look, scores)],
    )


def _most_unusual(look: Look, scores: Sequence[float]) -> Table:
    order = sorted(range(len(scores)), key=lambda user: -scores[user])[:MOST_USERS]
    rows = [(f"{scores[user]:.3f}", _why(look, user)) for user in order]
    columns = ("score", "what is far from the mean, in deviations")
    return Table(f"The most unusual of {len(scores):,} users", columns, rows, text_columns=2)


def _why(look: Look, user: int) -> str:
    own = look.scaled[user]
    far = [feature for feature in np.argsort(-np.abs(own), kind="stable") if abs(own[feature]) >= _FAR]
    return ", ".join(f"{look.features[each]} {own[each]:+.1f}" for each in far[:_TOLD]) or "the mixture of all"


def _map(look: Look, scores: Sequence[float]) -> Iterator[Picture]:
    if scores:
        plane = Plane.of(look.scaled, look.features)
        marked = [score >= MARKED for score in scores]
        note = (
            f"{len(scores):,} users where they differ most: {part(plane.explained)} of all differences, "
            f"the darker the more unusual, with a ring from {MARKED} on."
        )
        yield Picture("map", "The unusual ones", note, partial(coloured_by_score, plane, scores, marked), 7, 5)
