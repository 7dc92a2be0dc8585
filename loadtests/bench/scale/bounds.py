"""How far a store may grow: for so long, and until all that takes part in it holds so much memory."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

GB = 1e9


@dataclass(frozen=True)
class Bounds:
    """`until_s` is of time.monotonic()."""

    until_s: float
    most_bytes: float

    @classmethod
    def of(cls, minutes: float, memory_gb: float) -> "Bounds":
        """From now on."""
        return cls(time.monotonic() + minutes * 60, memory_gb * GB)

    def passed(self, used_bytes: int) -> str | None:
        """Why it may not grow any more, if it may not."""
        if time.monotonic() >= self.until_s:
            return "its time is up, --minutes"
        if used_bytes >= self.most_bytes:
            return f"it holds {used_bytes / GB:.1f} GB of memory, --memory-gb"
        return None


def resident_bytes(pids: Sequence[int]) -> int:
    """Of processes and their children, each counted once; those that have ended hold nothing."""
    found: dict[int, int] = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    found[each.pid] = each.memory_info().rss
    return sum(found.values())
