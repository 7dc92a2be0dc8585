"""What was worked out from some bytes, remembered for as long as those bytes are seen again."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

KEY_BYTES = 75
"""About what a key takes beside its own bytes, as the memory of a process with many of them tells."""
VALUE_BYTES = 275
"""The same of a value, beside what it weighs."""


class Remembered(Generic[T]):
    """Holds twice `most_bytes` at most, of what was seen last: it forgets the older half at a time.

    A key is worth a value once it is seen again; many never are. `weigh` tells the bytes of a value.
    """

    def __init__(self, most_bytes: int, weigh: Callable[[T], int]) -> None:
        self._most_bytes, self._weigh = most_bytes, weigh
        self._newer: dict[bytes, T | None] = {}
        self._older: dict[bytes, T | None] = {}
        self._newer_bytes = self._older_bytes = 0

    @property
    def taken_bytes(self) -> int:
        """What it takes now, about."""
        return self._newer_bytes + self._older_bytes

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
        size = self._size(key, value)
        if size > self._most_bytes:
            return
        if key in self._newer:
            self._newer_bytes -= self._size(key, self._newer.pop(key))
        elif key in self._older:
            self._older_bytes -= self._size(key, self._older.pop(key))
        if self._newer_bytes + size > self._most_bytes:
            self._newer, self._older = {}, self._newer
            self._newer_bytes, self._older_bytes = 0, self._newer_bytes
        self._newer[key] = value
        self._newer_bytes += size

    def _size(self, key: bytes, value: T | None) -> int:
        return KEY_BYTES + len(key) + (0 if value is None else VALUE_BYTES + self._weigh(value))
