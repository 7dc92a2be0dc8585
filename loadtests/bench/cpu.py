"""CPU time of processes. It is what a comparison can trust on a busy machine: waiting for a core does not count."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU, user and system, that a process and those it started that still live have used; proc(5).

    Raises ProcessLookupError when it has ended.
    """
    return sum(map(_own_cpu_s, [pid, *_descendants(pid)]))


def _own_cpu_s(pid: int) -> float:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_PER_S


def _descendants(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return children + [each for child in children for each in _descendants(child)]
