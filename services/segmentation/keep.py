"""Which properties and context paths profiles keep: everything that decides what is stored of an event's content.

An operator lists names; a trailing `*` stands for any ending, so `context.device.*` keeps every path below
`context.device`. What is not listed never reaches a profile (data minimisation), so rules cannot name it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Self

CONTEXT = "context."

MAX_FIELDS = 32
"""Kept properties and context paths of one event: the first ones by name."""
MAX_TEXT = 256
"""Characters of a kept text; a longer one is not kept."""
MAX_ELEMENTS = 64
"""Scalars kept of a list: the first ones."""
MAX_SIZE = 4_096
"""Characters of all that is kept of one event, each scalar with a few for itself: the first fields by name."""
_OWN_SIZE = 8
MAX_PLACES = 4_096
"""Places of the context that are remembered, for speed: websites invent as many as they like."""

Scalar = str | int | float | bool
_SCALARS = (str, int, float)  # a tuple: this is asked for every value of every event
KeptValue = Scalar | tuple[Scalar, ...]


Fields = list[tuple[str, Any]]
_name = itemgetter(0)


class _Place:
    """A place in the contexts of events, as far as they have come."""

    __slots__ = ("below", "field", "leads", "path")

    def __init__(self, field: str | None, path: str, *, leads: bool) -> None:
        self.field, self.path = field, path
        """With `context.` before it, None where it is not kept; and without."""
        self.leads = leads
        """Whether anything below it is kept."""
        self.below: dict[str, _Place] = {}


@dataclass(frozen=True, slots=True)
class KeepList:
    names: frozenset[str]
    prefixes: tuple[str, ...] = ()
    _context: _Place = field(default_factory=lambda: _Place(None, "", leads=True), repr=False, compare=False)
    _places: list[_Place] = field(default_factory=list, repr=False, compare=False)
    """Those that are remembered."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read names separated by white space."""
        words = sorted(set(text.split()))
        prefixes = tuple(word[:-1] for word in words if word.endswith("*"))
        return cls(frozenset(word for word in words if not word.endswith("*")), prefixes)

    def __contains__(self, name: str) -> bool:
        return name in self.names or (bool(self.prefixes) and name.startswith(self.prefixes))

    def __str__(self) -> str:
        return " ".join(sorted(self.names | {f"{prefix}*" for prefix in self.prefixes}))

    def kept(self, properties: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Fields, Fields]:
        """What is kept of an event: JSON values by field, sorted; those of the context are paths after `context.`.

        And those of the context once more, by path alone.
        """
        names, prefixes = self.names, self.prefixes
        fields = [
            item
            for item in properties.items()
            if (item[0] in names or (prefixes and item[0].startswith(prefixes))) and not item[0].startswith(CONTEXT)
        ]
        paths: Fields = []
        if context:
            self._gather(context, self._context, CONTEXT, fields, paths)
        fields.sort(key=_name)
        if len(fields) > MAX_FIELDS:
            fields = fields[:MAX_FIELDS]
            paths = [(name.removeprefix(CONTEXT), value) for name, value in fields if name.startswith(CONTEXT)]
        return fields, paths

    def _gather(self, node: Mapping[str, Any], place: _Place, prefix: str, fields: Fields, paths: Fields) -> None:
        """Every kept path below `node`. A name with a dot is left out: a path could not tell it from two names."""
        below = place.below
        for name, value in node.items():
            found = below.get(name)
            if found is None:
                found = self._place(name, below, prefix)
            if found.field is not None:
                fields.append((found.field, value))
                paths.append((found.path, value))
            if found.leads and isinstance(value, dict):
                self._gather(value, found, f"{prefix}{name}.", fields, paths)

    def _place(self, name: str, beside: dict[str, _Place], prefix: str) -> _Place:
        field, is_plain = prefix + name, "." not in name
        leads = is_plain and any(
            each.startswith(f"{field}.") or f"{field}.".startswith(each) for each in (*self.names, *self.prefixes)
        )
        place = _Place(field if is_plain and field in self else None, field.removeprefix(CONTEXT), leads=leads)
        if len(self._places) < MAX_PLACES:
            self._places.append(place)
            beside[name] = place
        return place


KEEP_ALL = KeepList(frozenset(), ("",))


def matchable(value: Any) -> KeptValue | None:
    """What of a JSON value a filter or a sum can use: a scalar, or a list's scalars; None where there is nothing."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else None
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return tuple(each for each in map(matchable, value) if isinstance(each, _SCALARS))[:MAX_ELEMENTS] or None
    return None


def size_of(value: KeptValue) -> int:
    """About how many bytes a kept value takes."""
    if isinstance(value, tuple):
        return sum(size_of(element) for element in value)
    return _OWN_SIZE + (len(value) if isinstance(value, str) else 0)
