"""Who went from which class to which, whatever the classes are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from services.model_tools.report.chapters.wording import day_of
from services.model_tools.report.look import Matrix
from services.model_tools.report.parts import Picture
from services.model_tools.report.pictures.tables import heat
from services.segmentation.models.snapshots import Move

_DAY_MS = 86_400_000


def moves_picture(moves: Sequence[Move], classes: Sequence[str], sort: str) -> Picture:
    """Of some moves, among the classes that are shown, the first at the top."""
    parts = row_shares(moves, classes)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        heat(parts, classes, classes, 1.0, lambda value: f"{value:.0%}" if value >= 0.005 else "", axes)
        axes.set(xlabel=f"{sort} at the next sample", ylabel=f"{sort} before")

    first, last = (day_of(day * _DAY_MS) for day in (min(moves).day, max(moves).day))
    users = sum(move.users for move in moves)
    note = (
        f"{users:,} steps from one sample of a user to the next, {first} to {last}. A row tells where those went who "
        f"were in a {sort}; on the diagonal they stayed."
    )
    return Picture("moves", "Who moved where", note, draw, 7, max(2.8, 1.2 + 0.4 * len(classes)))


def row_shares(moves: Sequence[Move], classes: Sequence[str]) -> Matrix:
    """By class before and after, the part of the moves; NaN in the row of a class that nobody left or stayed in."""
    places = {name: number for number, name in enumerate(classes)}
    counts: Any = np.zeros((len(classes), len(classes)))
    for move in moves:
        if move.before in places and move.after in places:
            counts[places[move.before], places[move.after]] += move.users
    totals = counts.sum(axis=1, keepdims=True)
    parts: Matrix = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    return parts
