"""What was worked out from some bytes, remembered for as long as those bytes are seen again."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The values for twice `most` keys at most, those that were seen last: it forgets the older half at a time.

    A key is worth a value once it is seen again; many never are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._newer: dict[bytes, T | None] = {}
        self._older: dict[bytes, T | None] = {}

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
        if len(self._newer) >= self._most:
            self._newer, self._older = {}, self._newer
        self._newer[key] = value
