"""Partitions on which work has just failed: each is left alone for a moment, while the others go on."""

from collections.abc import Iterable

TOLD_S = 2.0
"""A reason is told for so long, since a partition that is tried again does not fail in every turn."""


class Setbacks:
    """Times are those of the event loop's clock, in seconds."""

    def __init__(self) -> None:
        self._rest_until_s: dict[int, float] = {}
        self._reason: str | None = None
        self._tell_until_s = 0.0

    def note(self, partitions: Iterable[int], reason: str, now_s: float, rest_s: float) -> None:
        self._rest_until_s |= dict.fromkeys(partitions, now_s + rest_s)
        self._reason, self._tell_until_s = reason, now_s + max(rest_s, TOLD_S)

    def resting(self, now_s: float) -> set[int]:
        """Those that are not to be tried again yet."""
        self._rest_until_s = {each: until_s for each, until_s in self._rest_until_s.items() if until_s > now_s}
        return set(self._rest_until_s)

    def reason(self, now_s: float) -> str | None:
        """What work has failed with lately."""
        return self._reason if now_s < self._tell_until_s else None
