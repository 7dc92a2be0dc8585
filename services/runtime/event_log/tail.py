"""What is asked of a log by who wants to know what it holds, without being a member of a group or applying anything."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from services.runtime.event_log.port import Record


class Stretch(NamedTuple):
    """Records of one partition, in order."""

    records: Sequence[Record]
    next: int
    """The offset to go on at."""


class LogTail(Protocol):
    """Reads partitions from any position to their ends. One task reads at a time."""

    async def ends(self) -> Mapping[int, int]:
        """For each partition the offset that its next record will get. Raises LogUnavailable."""
        ...

    async def read(self, stretches: Mapping[int, tuple[int, int]], max_records: int) -> Mapping[int, Stretch]:
        """Of each partition what the log still holds from one offset up to another, which was an end of it.

        At most about so many records in all: `next` tells how far it came. Raises LogUnavailable.
        """
        ...

    async def close(self) -> None:
        """Release everything; returns within a bounded time even when the log is gone."""
        ...
