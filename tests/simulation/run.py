"""A run of one seed: what happens is drawn from it, and in the end every user is compared with the oracle."""

import secrets
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from services.segmentation.changes import told
from services.stream_worker import ledger, store, worker
from tests.simulation import happenings
from tests.simulation.checking import compare, compare_with_oracle, is_done, places
from tests.simulation.happenings import Happens
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import CALM, Weather
from tests.simulation.trace import Trace
from tests.simulation.world import World

FEW, MANY = range(3, 8), range(10, 31)
"""Happenings of a run. What takes one of them is found soonest by many short runs, what takes several by long ones."""
LONG = 0.2
"""The share of long runs."""
LONGEST_PAUSE_S, LONGEST_LOOK_S = 0.5, 0.3
"""Until the next one happens, and until it is looked again whether all is done."""
LOOKING = 0.05
"""How likely it is looked in between whether what Redis holds is right."""
TELLING = 0.3
"""The share of runs in which changes are told."""
Rewritten = Callable[[bytes], bytes]
PATIENCE_S = 15
"""Until everything has to be applied, once nothing goes wrong any more."""
HEARD_S = 2
"""In which workers have looked at the changes log again."""


@dataclass(frozen=True)
class Outcome:
    seed: int
    trace: Trace
    error: BaseException | None = None

    @property
    def report(self) -> str:
        """Where it went wrong, and how to see it again."""
        lines = "".join(traceback.format_exception(self.error)[-2:])
        return f"seed {self.seed}: {lines}  to read it: python -m tests.simulation --seed {self.seed} --trace"


def run(
    seed: int, *, tells: bool | None = None, script: Sequence[Happens] = (), rewritten: Rewritten = lambda text: text
) -> Outcome:
    """What is not given is drawn: whether changes are told, and what happens.

    `rewritten` is what becomes of the text of a Lua script that a worker loads.
    """
    loop, random = VirtualLoop(), Random(seed)  # type: ignore[abstract] # the rest of a loop is for a real world
    trace = Trace(loop.time)
    with trace.of_logs(), _small(random):
        try:
            loop.run(_history(random, trace, rewritten, script, tells))
        except Exception as error:
            return Outcome(seed, trace, error)
    return Outcome(seed, trace)


async def _history(
    random: Random, trace: Trace, rewritten: Rewritten, script: Sequence[Happens], asked: bool | None
) -> None:
    by_chance = random.random() < TELLING
    tells = by_chance if asked is None else asked
    world = World(random, trace, rewritten, tells=tells)
    world.marketers.edit(world.now_ms)
    world.network.weather = Weather.drawn(random)
    try:
        for happens in script or happenings.drawn(random, random.choice(MANY if random.random() < LONG else FEW)):
            happens(world)
            await world.pass_time(LONGEST_PAUSE_S)
            if random.random() < LOOKING:
                compare(world)
        await _calm(world)
        compare(world)
        compare_with_oracle(world)
        assert trace.complaints == []
    finally:
        world.end()


async def _calm(world: World) -> None:
    """No more faults: wait until everything is applied and refreshed, and what was late has arrived and was heard."""
    world.network.weather, late_s = CALM, world.network.last_arrival_s + (HEARD_S if world.changes else 0)
    world.passed_ms += world.ahead_ms  # until then, what was told by a wrong clock has not happened
    for process in world.workers:
        process.clock_ms = 0
    world.trace.tell("all is well from now on")
    deadline_s = world.loop.time() + PATIENCE_S
    while world.loop.time() <= late_s or not is_done(world):
        assert world.loop.time() < deadline_s, f"not done after {PATIENCE_S} s: {places(world)}"
        await world.pass_time(LONGEST_LOOK_S)


@contextmanager
def _small(random: Random) -> Iterator[None]:
    """Bounds that so few users reach, pauses that do not use up the run, and names that are drawn from the seed."""
    instead: tuple[tuple[Any, str, Any], ...] = (
        (store, "MAX_USERS", random.choice((1, 3, 100))),
        (ledger, "MIN_OVERGROWN", random.choice((4, 256))),
        (told, "MOST_AHEAD", random.choice((2, 100))),
        (worker, "RETRY_S", random.choice((0.01, 0.1))),
        (worker, "POLL_S", random.choice((0.25, 1.0))),
        (secrets, "token_hex", lambda size: f"{random.getrandbits(8 * size):0{2 * size}x}"),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in instead]
    _set(instead)
    try:
        yield
    finally:
        _set(before)


def _set(values: Iterable[tuple[Any, str, Any]]) -> None:
    """As `unittest.mock` does it, whose patches take longer than a tenth of a run."""
    for owner, name, value in values:
        setattr(owner, name, value)
