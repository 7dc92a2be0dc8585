"""Which events a term selects, and what is kept of them while more come. Everything that decides it lives here.

A strand is the events of one type that pass the same filters, so terms with different windows and thresholds share it.
Its column holds when they happened, of one user, and running series of their values as far as some term needs them.
Columns follow the profile's log event by event: nobody walks through a log twice.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from services.segmentation.profile import Entry
from services.segmentation.rules.nodes import Filter
from services.segmentation.rules.values import equal_to_any


class Series(Protocol):
    """What is known of some events beside their moments. They come in rising order."""

    def __init__(self, of: Any) -> None:
        """Of no events yet."""

    def push(self, entry: Entry) -> None:
        """One event more, the newest."""

    def shift(self, entry: Entry) -> None:
        """The oldest has fallen off the log."""


S = TypeVar("S", bound=Series)


class Strand:
    """The events of `type` that pass every filter. Who compiles keeps one of each: they compare by identity."""

    __slots__ = ("__weakref__", "_tests", "filters", "type")

    def __init__(self, event_type: str, filters: Sequence[Filter]) -> None:
        self.type, self.filters = event_type, filters
        self._tests = [(each.field, equal_to_any(each.any_of)) for each in filters]

    def of(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of some entries of the type that it selects, in their order."""
        found = entries
        for field, passes in self._tests:
            found = [entry for entry in found if passes(value_of(entry, field))]
        return found

    def has(self, entry: Entry) -> bool:
        return all(passes(value_of(entry, field)) for field, passes in self._tests)


class Column:
    """The events of a strand that a profile's log holds."""

    __slots__ = ("_series", "entries", "moments")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = [*entries]
        self.moments = [entry[0] for entry in entries]
        """When they happened, in rising order."""
        self._series: dict[tuple[type[Series], object], Any] = {}

    def series(self, recipe: tuple[type[S], object]) -> S:
        """What is known of them beside: the recipe is a kind of series, and of what property or half-life."""
        found: S | None = self._series.get(recipe)
        if found is None:
            kind, of = recipe
            found = kind(of)
            for entry in self.entries:
                found.push(entry)
            if self.entries:
                self._series[recipe] = found
        return found

    def push(self, entries: Sequence[Entry]) -> None:
        """Some events more, the newest."""
        for entry in entries:
            self.entries.append(entry)
            self.moments.append(entry[0])
            for each in self._series.values():
                each.push(entry)

    def shift(self, entries: Sequence[Entry]) -> None:
        """The oldest have fallen off the log."""
        del self.entries[: len(entries)], self.moments[: len(entries)]
        for each in self._series.values():
            for entry in entries:
                each.shift(entry)


NOTHING = Column(())
"""That of a strand without events, for everybody: it is never changed, but left for another one."""


def value_of(entry: Entry, field: str) -> Any:
    for name, value in entry[2]:
        if name == field:
            return value
    return None
