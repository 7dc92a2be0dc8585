"""What Tranche asks of an event log. Adapters implement it; one behaviour suite holds them to it.

The log is split into partitions numbered from 0. Within one, records have rising offsets, not always dense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class LogUnavailable(Exception):
    """The log cannot take or give records now; trying again later may work."""


class LogTrimmed(Exception):
    """The log does not hold the record that was asked for: state and log have come apart.

    `begin` is where what the log holds begins, `end` where it ends; None where that could not be learnt.
    """

    def __init__(self, partition: int, position: int, begin: int | None, end: int | None) -> None:
        begins, ends = ("(unknown)" if each is None else each for each in (begin, end))
        held = f"the log begins at {begins} and ends at {ends}"
        super().__init__(f"partition {partition}: offset {position} is next, but {held}")
        self.partition, self.position, self.begin, self.end = partition, position, begin, end


@dataclass(frozen=True, slots=True)
class Message:
    """What to append, and where; the caller chooses the partition."""

    partition: int
    key: bytes
    value: bytes


class Record(NamedTuple):
    """A message that the log holds. `appended_ms` is when it was appended, by the log's clock."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    appended_ms: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be applied, and why. `(partition, offset)` tells repeats apart."""

    reason: str
    partition: int
    offset: int
    key: bytes
    value: bytes


class LogWriter(Protocol):
    """Appends. Used by the collector, and by workers for what is on the wrong partition or cannot be read."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Return once the log has all of them durably; in order within a partition.

        Raises LogUnavailable, within a bounded time, when that is not certain: some may be in the log all the same.
        """
        ...

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        """Put letters into the dead-letter log. Raises LogUnavailable as `append` does."""
        ...

    async def close(self) -> None:
        """Release everything; returns within a bounded time even when the log is gone."""
        ...


class LogReader(Protocol):
    """Reads the partitions that this member of the group owns.

    One task polls; `seek`, `shut` and `applied` may be called side by side.
    """

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next records of the owned, opened partitions, those of each in one piece and in order.

        Empty when none came in time. Raises LogUnavailable, or LogTrimmed when the log begins after a position or
        ends before it: again and again, until the partition is shut or opened elsewhere. The others lose nothing.
        """
        ...

    def assigned(self) -> frozenset[int]:
        """The partitions owned now. Nothing is read from one before `seek` has opened it since it was assigned."""
        ...

    def unopened(self) -> frozenset[int]:
        """The owned partitions that wait for `seek` since they were assigned, be it for the second time."""
        ...

    async def seek(self, partition: int, offset: int) -> None:
        """Read `partition` from `offset` on; what was fetched before and not returned is dropped.

        Nothing happens for a partition that has been lost meanwhile.
        """
        ...

    async def shut(self, partition: int) -> None:
        """Read no more of `partition` until `seek` opens it again; it stays owned."""
        ...

    async def applied(self, partition: int, offset: int) -> None:
        """Tell the log that records below `offset` are applied: a hint for committing or trimming, never needed."""
        ...

    async def close(self) -> None:
        """Leave the group; returns within a bounded time even when the log is gone."""
        ...


class LogOffsets(Protocol):
    """Tells what the log holds. Used by the status page, by workers and for repairs."""

    async def ends(self) -> dict[int, int]:
        """For each partition the offset that its next record will get. Raises LogUnavailable."""
        ...

    async def begins(self) -> dict[int, int]:
        """For each partition the offset of the first record held, its end where none is. Raises LogUnavailable."""
        ...

    async def close(self) -> None: ...
