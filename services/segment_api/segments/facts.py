"""What the answers about segments tell beside the definitions; each fact comes from a part that is wired in.

By default nothing is known.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.segmentation.rules import nodes


async def _no_progress(_: int) -> float | None:
    return None


async def _no_moment(_: nodes.Rule) -> int | None:
    return None


async def _no_sizes(_: str) -> Mapping[int, int] | None:
    return None


async def _no_details(_: int, __: str) -> Mapping[str, Any]:
    return {}


def _no_warnings(_: nodes.Rule) -> Sequence[Mapping[str, str]]:
    return []


@dataclass(frozen=True)
class SegmentFacts:
    """None, and what is missing in a mapping, is not known."""

    progress: Callable[[int], Awaitable[float | None]] = _no_progress
    """The part of the stored memberships, 0 to 1, that has reached a version of the catalog."""
    covered_since: Callable[[nodes.Rule], Awaitable[int | None]] = _no_moment
    """The moment, in milliseconds, since when profiles hold all that a rule looks at; None: since ever."""
    sizes: Callable[[str], Awaitable[Mapping[int, int] | None]] = _no_sizes
    """The number of users of a space in each segment now, by ordinal; one that is missing has none."""
    details: Callable[[int, str], Awaitable[Mapping[str, Any]]] = _no_details
    """Of the segment with an ordinal in a space: `size_history` and `size_forecast`, as SegmentDetails has them."""
    warnings: Callable[[nodes.Rule], Sequence[Mapping[str, str]]] = _no_warnings
    """What a rule should be looked at again for, each as `code` and `message`."""
