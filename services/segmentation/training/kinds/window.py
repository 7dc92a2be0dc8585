"""Labelled samples of the latest time: of a whole span of it, so that a week has all its days on a busy site too.

Where more fall into the span than can be kept, half of them are drawn, and again half of these; when few are left,
twice as many come in. Every hour of the span is thinned alike, be it a busy or a calm one. Where fewer fall into it
than tell anything, the latest are kept, however old they are.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from services.segmentation.models.samples import Sample, Vector
from services.segmentation.training.kinds.pending import spread
from services.segmentation.training.learner import Seen
from services.segmentation.training.port import State

_MOST_HALVINGS = 32


class Span(NamedTuple):
    length_ms: int
    fewest: int
    """Samples that are kept when they are older."""
    most: int
    """More are never kept."""


class Labelled(NamedTuple):
    user: int
    at_ms: int
    features: Vector
    label: bool


class Window:
    """Samples come in the order of their moments, or nearly so."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._rows: deque[Labelled] = deque(maxlen=span.most)
        self._halvings = 0

    def __iter__(self) -> Iterator[Labelled]:
        return iter(self._rows)

    def add(self, each: Sample | Seen) -> None:
        """Who has no label has the contrary."""
        row = Labelled(each.user, each.at_ms, each.features, each.label is True)
        self._thin()
        if self._is_drawn(row):
            self._rows.append(row)
        self._leave(row.at_ms - self._span.length_ms)

    def state(self) -> State:
        rows = [[row.user, row.at_ms, [*row.features], row.label] for row in self._rows]
        return {"halvings": self._halvings, "rows": rows}

    @classmethod
    def resume(cls, span: Span, state: State) -> "Window":
        window = cls(span)
        window._halvings = state["halvings"]
        rows = (Labelled(user, at_ms, tuple(features), label) for user, at_ms, features, label in state["rows"])
        window._rows.extend(rows)
        return window

    def _leave(self, until_ms: int) -> None:
        while len(self._rows) > self._span.fewest and self._rows[0].at_ms < until_ms:
            self._rows.popleft()

    def _thin(self) -> None:
        if len(self._rows) == self._span.most:
            self._halvings = min(self._halvings + 1, _MOST_HALVINGS)
            self._rows = deque(filter(self._is_drawn, self._rows), self._span.most)
        elif self._halvings and len(self._rows) < self._span.most // 4:
            self._halvings -= 1

    def _is_drawn(self, row: Labelled) -> bool:
        """By the user and the moment, so that of nobody all are drawn or none."""
        return spread(row.user ^ row.at_ms) >> (64 - self._halvings) == 0
