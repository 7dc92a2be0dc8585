"""How far the owned partitions are, and what is not applied of them yet. Pure; times are milliseconds since 1970.

The law: what is not known counts as good. A partition that was never opened has no lag, and the oldest record that is
not applied is as old as what was applied last, or as the last look that found nothing left to apply.
"""

from collections.abc import Collection, Mapping


class Progress:
    def __init__(self) -> None:
        self._positions: dict[int, int] = {}
        """The offset of the next record to apply, as last known: it stays while Redis is away."""
        self._left: dict[int, int] = {}
        """Where this process left the watermarks of all partitions that it ever owned."""
        self._ends: Mapping[int, int] = {}
        self._asked_ms = 0
        self._since_ms: dict[int, int] = {}
        """A moment before which nothing was appended that is not applied."""

    def opened(self, partition: int, watermark: int) -> int:
        """Learn where a partition is; returns by how many records that is before where this process left it."""
        left = self._left.get(partition, watermark)
        self._positions[partition] = self._left[partition] = watermark
        return max(0, left - watermark)

    def reached(self, partition: int, appended_ms: int) -> None:
        """The next record to apply was appended then."""
        self._since_ms[partition] = appended_ms

    def applied(self, partition: int, position: int) -> None:
        self._positions[partition] = self._left[partition] = position

    def own(self, owned: Collection[int]) -> None:
        """Forget how far all others are."""
        for partition in self._positions.keys() - owned:
            del self._positions[partition]
            self._since_ms.pop(partition, None)

    def learn(self, ends: Mapping[int, int], asked_ms: int) -> None:
        """The log ended there, no earlier than it was asked."""
        self._ends, self._asked_ms = ends, asked_ms
        for partition, position in self._positions.items():
            if position >= ends.get(partition, 0):
                self._since_ms[partition] = max(asked_ms, self._since_ms.get(partition, asked_ms))
            self._since_ms.setdefault(partition, asked_ms)

    def caught_up_ms(self, partition: int) -> int | None:
        """A moment before which nothing was appended to the partition that is not applied; None where none is known."""
        if partition not in self._ends or self._positions.get(partition, 0) < self._ends[partition]:
            return None
        return self._asked_ms

    @property
    def lag(self) -> int:
        """Records that are not applied, as of when the log was last asked for its ends."""
        return sum(self._lags().values())

    def oldest_s(self, now_ms: int) -> float:
        """For how many seconds the oldest record has been waiting that is not applied, at most; 0 where none is."""
        since_ms = min((self._since_ms.get(partition, now_ms) for partition in self._lags()), default=now_ms)
        return max(0, now_ms - since_ms) / 1000

    def _lags(self) -> dict[int, int]:
        lags = {partition: self._ends.get(partition, 0) - position for partition, position in self._positions.items()}
        return {partition: lag for partition, lag in lags.items() if lag > 0}
