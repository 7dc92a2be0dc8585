"""All that a node is made of."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass


def walk(node: object) -> Iterator[object]:
    """The node and all that it is made of."""
    yield node
    parts = node if isinstance(node, tuple) else ()
    if is_dataclass(node):
        parts = tuple(getattr(node, each.name) for each in fields(node))
    for part in parts:
        yield from walk(part)
