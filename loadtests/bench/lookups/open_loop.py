"""The time that lookups take when they come at a constant rate; asker.py, in a process of its own, does the asking."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from loadtests.bench.errors import BenchError
from loadtests.bench.figures import percentile
from loadtests.bench.processes import before_exec
from loadtests.peers.lookups.contender import Contender

WARM_UP_S = 0.5
"""Asked for and not counted."""


class Timed(NamedTuple):
    """When a lookup was due, how long its answer took from then on, and whether it was whole."""

    due_s: float
    took_s: float
    whole: bool


@dataclass(frozen=True)
class OpenLoop:
    """Milliseconds. What never came, or was not whole, took infinitely long: to answer nothing is not to be quick."""

    asked: int
    whole: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    any_p99_ms: float
    """The same of all answers, whole or not."""
    late_p99_ms: float
    """How late the generator itself was to ask, where a connection was free."""
    generator_busy: float
    """The part of a core that the generator took."""

    def json(self) -> str:
        return json.dumps(asdict(self))


def summed_up(
    asked: int, rate: float, answered: Sequence[Timed], late_s: Sequence[float], generator_busy: float
) -> OpenLoop:
    """`asked` is how many were due in all, at `rate` a second."""
    counted = [each for each in answered if each.due_s >= WARM_UP_S]
    due = max(1, asked - math.ceil(WARM_UP_S * rate))
    whole_ms = sorted(each.took_s * 1000 for each in counted if each.whole)
    times_ms = [*whole_ms, *[math.inf] * (due - len(whole_ms))]
    any_ms = sorted(each.took_s * 1000 for each in counted) + [math.inf] * (due - len(counted))
    late_ms = sorted(each * 1000 for each in late_s)
    return OpenLoop(
        asked=due,
        whole=len(whole_ms),
        p50_ms=percentile(times_ms, 50),
        p99_ms=percentile(times_ms, 99),
        p999_ms=percentile(times_ms, 99.9),
        any_p99_ms=percentile(any_ms, 99),
        late_p99_ms=percentile(late_ms, 99),
        generator_busy=generator_busy,
    )


def ask_open_loop(
    contender: Contender, users: Path, connections: int, rate: float, seconds: float, core: int
) -> OpenLoop:
    """Ask for the users of a file, one id a line, `rate` times a second. Raises BenchError."""
    where = [str(contender.port), str(users), contender.prefix, contender.suffix]
    pace = [f"{rate:.3f}", str(connections), str(seconds + WARM_UP_S)]
    done = subprocess.run(  # noqa: S603 - the comparison's own command
        [sys.executable, "-m", "loadtests.bench.lookups.asker", *where, *pace],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before_exec(core),
    )
    if done.returncode:
        raise BenchError(f"the open loop against {contender.name} failed: {done.stderr}")
    return OpenLoop(**json.loads(done.stdout))
