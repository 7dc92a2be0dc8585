"""How many lookups a server answers when each of some connections asks again as soon as it has its answer.

wrk does the asking: of the generators that walk a list of paths and look into each answer, it takes the least CPU, and
Redis shares its core. Its latencies are of little use (a slow answer keeps it from asking), so none is reported.
"""

import json
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from loadtests.bench.errors import BenchError
from loadtests.bench.machine import program
from loadtests.bench.processes import before_exec
from loadtests.peers.lookups.contender import Contender

_SCRIPT = Path(__file__).with_name("wrk.lua")


class Asked(NamedTuple):
    """GET {prefix}LINE{suffix} for each line of a file, or POST {prefix} with the line as body."""

    file: Path
    method: str
    prefix: str
    suffix: str


@dataclass(frozen=True)
class ClosedLoop:
    """What wrk counted. An answer that is not `whole` is an error, or says that it is degraded, itself or in part."""

    seconds: float
    answers: int
    whole: int
    errors: int
    generator_cpu_s: float


def ask_closed_loop(contender: Contender, asked: Asked, connections: int, seconds: float, core: int) -> ClosedLoop:
    """Ask for some seconds, a whole number of them as wrk knows no other. Raises BenchError."""
    command = [program("wrk", "wrk"), "--threads", "1", "--connections", str(connections), "--script", str(_SCRIPT)]
    timing = ["--duration", f"{max(1, round(seconds))}s", "--timeout", "10s"]
    before_s = _children_cpu_s()
    told = _run([*command, *timing, f"http://127.0.0.1:{contender.port}/", *map(str, asked)], core)
    cpu_s = _children_cpu_s() - before_s
    result = next((line[7:] for line in told.splitlines() if line.startswith("RESULT ")), None)
    if result is None:
        raise BenchError(f"wrk told no result for {contender.name}:\n{told}")
    return ClosedLoop(**json.loads(result), generator_cpu_s=cpu_s)


def _run(command: Sequence[str], core: int) -> str:
    done = subprocess.run(  # noqa: S603 - the comparison's own command
        command, capture_output=True, text=True, check=False, preexec_fn=before_exec(core)
    )
    if done.returncode:
        raise BenchError(f"wrk failed: {done.stderr or done.stdout}")
    return done.stdout


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
