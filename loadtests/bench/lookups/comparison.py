"""The order in which the contenders are measured: turn by turn, so that each round of all meets the same minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.bench.figures import short
from loadtests.bench.lookups.measure import Case, Closed, Open, measure_closed, measure_open
from loadtests.bench.lookups.stage import Stage
from loadtests.bench.machine import Cores
from loadtests.bench.progress import say
from loadtests.peers.lookups.contender import Contender

YARDSTICK = "nginx"
OURS = "tranche"
WARM_UP_S = 1.0
WARM_UPS = 20
"""At most, until all answers are whole: Tranche finds out how much it can take while it is asked."""

ClosedRounds = dict[str, list[Closed]]
"""By contender, one a round."""
OpenRounds = dict[str, list[Open]]


@dataclass(frozen=True)
class Pace:
    """`rate` is that of the open loop, lookups a second; None stands for half of what the yardstick can."""

    seconds: float
    rounds: int
    rate: float | None = None


@dataclass(frozen=True)
class Results:
    case: Case
    closed: ClosedRounds
    open: OpenRounds


def compare(stage: Stage, case: Case, pace: Pace, cores: Cores) -> Results:
    """All contenders at their most, then at one rate those that can answer as much. Raises BenchError."""
    closed = at_their_most(stage.contenders, case, pace, cores)
    rate = pace.rate or _peak(closed, YARDSTICK if YARDSTICK in closed else next(iter(closed))) / 2
    paced = [stage.tranche if each.name == OURS else each for each in stage.contenders]
    # Who cannot answer as much has no latency to tell, only a queue. Of Tranche it is told all the same.
    able = [each for each in paced if each.name == OURS or _peak(closed, each.name) > rate]
    return Results(case, closed, _at_one_rate(able, case, pace, rate, cores))


def at_their_most(contenders: Sequence[Contender], case: Case, pace: Pace, cores: Cores) -> ClosedRounds:
    """Raises BenchError."""
    for each in contenders:
        _warm_up(each, case, cores)
    rounds: ClosedRounds = {each.name: [] for each in contenders}
    for number in range(pace.rounds):
        for each in contenders:
            one = measure_closed(each, case, pace.seconds, cores)
            rounds[each.name].append(one)
            told = f"{one.rate:,.0f} users/s, {short(one.server_us)} us of CPU each"
            say(f"{case}, round {number + 1}: {each.name} {told}")
    return rounds


def _at_one_rate(contenders: Sequence[Contender], case: Case, pace: Pace, rate: float, cores: Cores) -> OpenRounds:
    rounds: OpenRounds = {each.name: [] for each in contenders}
    for number in range(pace.rounds):
        for each in contenders:
            one = measure_open(each, case, rate, pace.seconds, cores)
            rounds[each.name].append(one)
            say(f"{case}, round {number + 1}: {each.name} p99 {short(one.timed.p99_ms)} ms at {rate:,.0f} lookups/s")
    return rounds


def _warm_up(contender: Contender, case: Case, cores: Cores) -> None:
    for _ in range(WARM_UPS):
        if measure_closed(contender, case, WARM_UP_S, cores).degraded_share < 0.01:
            return


def _peak(closed: ClosedRounds, name: str) -> float:
    return median(each.rate for each in closed[name])
