"""What was worked out from some bytes, remembered for as long as those bytes are seen again."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

ENTRY_BYTES = 200
"""About what a key and its value take beside their own bytes."""


class Remembered(Generic[T]):
    """Holds twice `most_bytes` at most, of what was seen last: it forgets the older half at a time.

    A key is worth a value once it is seen again; many never are. `weigh` tells the bytes of a value.
    """

    def __init__(self, most_bytes: int, weigh: Callable[[T], int]) -> None:
        self._most_bytes, self._weigh = most_bytes, weigh
        self._newer: dict[bytes, T | None] = {}
        self._older: dict[bytes, T | None] = {}
        self._newer_bytes = 0

    def get(self, key: bytes) -> T | None:
        found = self._newer.get(key)
        if found is None and (found := self._older.get(key)) is not None:
            self.put(key, found)
        return found

    def is_worth_it(self, key: bytes) -> bool:
        """Whether a key without a value was seen before."""
        if key in self._newer or key in self._older:
            return True
        self.put(key, None)
        return False

    def put(self, key: bytes, value: T | None) -> None:
        """Nothing that would take more than everything else together."""
        size = ENTRY_BYTES + len(key) + (0 if value is None else self._weigh(value))
        if size > self._most_bytes:
            return
        self._newer_bytes += size
        if self._newer_bytes > self._most_bytes:
            self._newer, self._older, self._newer_bytes = {}, self._newer, size
        self._newer[key] = value
