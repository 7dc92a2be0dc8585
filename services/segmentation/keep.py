"""Which properties and context paths profiles keep: everything that decides what is stored of an event's content.

An operator lists names; a trailing `*` stands for any ending, so `context.device.*` keeps every path below
`context.device`. What is not listed never reaches a profile (data minimisation), so rules cannot name it either.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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

Scalar = str | int | float | bool
_SCALARS = (str, int, float)  # a tuple: this is asked for every value of every event
KeptValue = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class KeepList:
    names: frozenset[str]
    prefixes: tuple[str, ...] = ()

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


KEEP_ALL = KeepList(frozenset(), ("",))


def kept_fields(properties: Mapping[str, Any], context: Mapping[str, Any], keep: KeepList) -> dict[str, Any]:
    """What is kept of an event: JSON values by field, sorted; fields of the context are paths that start `context.`."""
    return dict(sorted(_fields(properties, context, keep), key=itemgetter(0))[:MAX_FIELDS])


def _fields(properties: Mapping[str, Any], context: Mapping[str, Any], keep: KeepList) -> Iterator[tuple[str, Any]]:
    for name, value in properties.items():
        if name in keep and not name.startswith(CONTEXT):
            yield name, value
    for path, value in _context_paths(context, CONTEXT):
        if path in keep:
            yield path, value


def _context_paths(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Every path below `node`. A name with a dot is left out: a path could not tell it from two names."""
    for name, value in node.items():
        if "." not in name:
            yield prefix + name, value
            if isinstance(value, dict):
                yield from _context_paths(value, f"{prefix}{name}.")


def matchable(value: object) -> KeptValue | None:
    """What of a JSON value a filter or a sum can use: a scalar, or a list's scalars; None where there is nothing."""
    if isinstance(value, list):
        return tuple(element for element in value if _is_kept(element))[:MAX_ELEMENTS] or None
    return value if _is_kept(value) else None  # type: ignore[return-value]  # _is_kept narrows nothing


def _is_kept(value: object) -> bool:
    return isinstance(value, _SCALARS) and not (isinstance(value, str) and len(value) > MAX_TEXT)


def size_of(value: KeptValue) -> int:
    """About how many bytes a kept value takes."""
    if isinstance(value, tuple):
        return sum(size_of(element) for element in value)
    return _OWN_SIZE + (len(value) if isinstance(value, str) else 0)
