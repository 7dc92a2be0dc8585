"""The machine that is measured on: which core serves, which one makes the load, and what ran meanwhile."""

import os
import platform
import shutil
from dataclasses import dataclass
from typing import Self

from loadtests.bench.errors import BenchError


@dataclass(frozen=True)
class Cores:
    """What is measured runs alone on `server`; load, Redis and Kafka share `load`."""

    server: int
    load: int

    @classmethod
    def of_this_machine(cls) -> Self:
        """The last two cores that this process may use: interrupts tend to go to the first. Raises BenchError."""
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            raise BenchError("one core is not enough: server and load need one each, or each measures the other")
        return cls(server=usable[-1], load=usable[-2])


def program(name: str, package: str) -> str:
    """The path of a program. Raises BenchError with the command that installs it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/local/bin")
    if path is None:
        raise BenchError(f"{name} is not installed: sudo apt-get install {package}")
    return path


def load_average() -> float:
    """Processes that wanted a core during the last minute, ours included: well over 2 means that others ran too."""
    return os.getloadavg()[0]


def described() -> dict[str, str]:
    """What a reader has to know of the machine to judge the figures."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:  # noqa: PTH123 - not a file that anybody moves
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
