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
MAX_REMEMBERED = 16_384
"""Places and texts that are remembered: websites invent as many as they like."""

Scalar = str | int | float | bool
_SCALARS = (str, int, float)  # a tuple: this is asked for many a value
_NUMBERS = frozenset([int, float, bool])
KeptValue = Scalar | tuple[Scalar, ...]

Values = tuple[tuple[str, KeptValue], ...]
"""What is kept of an event, by field, sorted."""
Told = dict[str, KeptValue | None]
"""What is told of some names; None is what nothing can be compared with."""
_Item = tuple[str, Any]
_Fields = list[_Item]
_name = itemgetter(0)


class _Place:
    """A place in what events tell."""

    __slots__ = ("below", "field", "is_kept", "leads", "path", "size", "texts")

    def __init__(self, field: str, *, is_kept: bool, leads: bool) -> None:
        self.field, self.path = field, field.removeprefix(CONTEXT)
        self.is_kept, self.leads = is_kept, leads
        """Whether it is kept, and whether anything below it is."""
        self.size = len(field) + _OWN_SIZE
        """That of a value here, but for a text's characters."""
        self.below: dict[str, _Place] = {}
        self.texts: dict[str, _Item] = {}
        """By text, the field with it: most texts come again and again, and one object for all takes half the memory."""


class _Memory:
    """The places and texts that events have come by. All are forgotten when there are too many; the common ones are
    soon back."""

    __slots__ = ("context", "properties", "size")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.size = 0
        self.properties = _Place("", is_kept=False, leads=False)
        self.context = _Place(CONTEXT.removesuffix("."), is_kept=False, leads=True)

    def grow(self) -> None:
        self.size += 1
        if self.size > MAX_REMEMBERED:
            self.forget()


@dataclass(frozen=True, slots=True)
class KeepList:
    names: frozenset[str]
    prefixes: tuple[str, ...] = ()
    _memory: _Memory = field(default_factory=_Memory, repr=False, compare=False)

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

    def kept(self, properties: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Values, Told]:
        """What is kept of an event; those of the context are fields after `context.`, and once more by path alone."""
        fields: _Fields = []
        paths: Told = {}
        size = self._gather(properties, self._memory.properties, fields, {})
        if context:
            size += self._gather(context, self._memory.context, fields, paths)
        fields.sort(key=_name)
        if size <= MAX_SIZE and len(fields) <= MAX_FIELDS:
            return tuple(fields), paths
        return _bounded(fields[:MAX_FIELDS], paths)

    def _gather(self, node: Mapping[str, Any], place: _Place, fields: _Fields, paths: Told) -> int:
        """Everything kept below `node`. Returns how large it is, or too large where that takes a closer look."""
        below, size = place.below, 0
        for name, value in node.items():
            found = below.get(name) or self._place(name, place)
            if found.is_kept:
                if type(value) is str and len(value) <= MAX_TEXT:
                    item = found.texts.get(value) or self._text(value, found)
                    size += found.size + len(value)
                elif type(value) in _NUMBERS:
                    item = found.field, value
                    size += found.size
                else:
                    item = found.field, matchable(value)
                    size += MAX_SIZE + 1
                fields.append(item)
                paths[found.path] = item[1]
            if found.leads and isinstance(value, dict):
                size += self._gather(value, found, fields, paths)
        return size

    def _text(self, text: str, place: _Place) -> _Item:
        self._memory.grow()
        item = place.texts[text] = place.field, text
        return item

    def _place(self, name: str, above: _Place) -> _Place:
        place = self._of_context(name, above) if above.leads else self._of_properties(name)
        if len(place.field) <= MAX_TEXT:  # whoever invents longer ones would fill the memory
            self._memory.grow()
            above.below[name] = place
        return place

    def _of_properties(self, name: str) -> _Place:
        return _Place(name, is_kept=name in self and not name.startswith(CONTEXT), leads=False)

    def _of_context(self, name: str, above: _Place) -> _Place:
        """A name with a dot is left out: a path could not tell it from two names."""
        field, is_plain = f"{above.field}.{name}", "." not in name
        leads = is_plain and any(
            each.startswith(f"{field}.") or f"{field}.".startswith(each) for each in (*self.names, *self.prefixes)
        )
        return _Place(field, is_kept=is_plain and field in self, leads=leads)


KEEP_ALL = KeepList(frozenset(), ("",))


def matchable(value: Any) -> KeptValue | None:
    """What of a JSON value a filter or a sum can use: a scalar, or a list's scalars; None where there is nothing."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else None
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, list):
        return tuple(each for each in map(matchable, value) if isinstance(each, _SCALARS))[:MAX_ELEMENTS] or None
    return None


def size_of(value: KeptValue) -> int:
    """About how many bytes a kept value takes."""
    if isinstance(value, tuple):
        return sum(size_of(element) for element in value)
    return _OWN_SIZE + (len(value) if isinstance(value, str) else 0)


def small(value: KeptValue | None) -> KeptValue | None:
    """The same, without a list that is larger than all that may be kept of an event."""
    return None if isinstance(value, tuple) and size_of(value) > MAX_SIZE else value


def _bounded(fields: _Fields, paths: Told) -> tuple[Values, Told]:
    """As much of what an event tells as may be kept of one."""
    names = {name for name, _ in fields}
    told = {path: small(value) for path, value in paths.items() if CONTEXT + path in names}
    kept, size = [], 0
    for name, value in fields:
        if value is not None:
            size += len(name) + size_of(value)
            if size > MAX_SIZE:
                break
            kept.append((name, value))
    return tuple(kept), told
