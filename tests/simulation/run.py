"""A run of one seed: what happens is drawn from it, and in the end every user is compared with the oracle."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

from tests.simulation import happenings
from tests.simulation.checking import compare, compare_with_oracle, is_done, places
from tests.simulation.happenings import Happens
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import CALM, Weather
from tests.simulation.trace import Trace
from tests.simulation.world import World

FEWEST, MANY, MOST = 5, 20, 80
"""Happenings of a run: mostly few, for many short runs find more than few long ones; now and then a lot."""
LONGEST_PAUSE_S = 0.3
TELLING = 0.3
"""The share of runs in which changes are told."""
Rewritten = Callable[[bytes], bytes]
PATIENCE_S = 15
"""Until everything has to be applied, once nothing goes wrong any more."""


@dataclass(frozen=True)
class Outcome:
    seed: int
    trace: Trace
    error: BaseException | None = None

    @property
    def report(self) -> str:
        """Where it went wrong, and how to see it again."""
        told = "".join(traceback.format_exception(self.error)[-2:])
        return f"seed {self.seed}: {told}  to read it: python -m tests.simulation --seed {self.seed} --trace"


def run(
    seed: int, *, tells: bool | None = None, script: Sequence[Happens] = (), rewritten: Rewritten = lambda text: text
) -> Outcome:
    """What is not given is drawn: whether changes are told, and what happens.

    `rewritten` is what becomes of the text of a Lua script that a worker loads.
    """
    loop, random = VirtualLoop(), Random(seed)
    trace = Trace(loop.time)
    with trace.of_logs(), _small(random):
        try:
            loop.run(_history(random, trace, rewritten, script, tells))
        except Exception as error:
            return Outcome(seed, trace, error)
    return Outcome(seed, trace)


async def _history(
    random: Random, trace: Trace, rewritten: Rewritten, script: Sequence[Happens], told: bool | None
) -> None:
    by_chance = random.random() < TELLING
    tells = by_chance if told is None else told
    world = World(random, trace, rewritten, tells=tells)
    for _ in range(random.randint(1, 4)):
        world.marketers.edit(world.now_ms)
    never = happenings.never_told(random) if tells else ()
    world.network.weather = Weather.drawn(random)
    try:
        for happens in script or happenings.drawn(random, random.randint(FEWEST, _most(random)), never):
            happens(world)
            await world.pass_time(LONGEST_PAUSE_S)
            if random.random() < 0.1:
                compare(world)
        await _calm(world)
        compare(world)
        compare_with_oracle(world)
        assert trace.complaints == []
    finally:
        world.end()


async def _calm(world: World) -> None:
    """No more faults: wait until everything is applied and refreshed, and what was late has arrived."""
    world.network.weather, late_s = CALM, world.network.last_arrival_s
    world.passed_ms += world.ahead_ms  # until then, what was told by a wrong clock has not happened
    for process in world.workers:
        process.clock_ms = 0
    world.trace.tell("all is well from now on")
    deadline_s = world.loop.time() + PATIENCE_S
    while world.loop.time() <= late_s or not is_done(world):
        assert world.loop.time() < deadline_s, f"not done after {PATIENCE_S} s: {places(world)}"
        await world.pass_time(0.5)


def _most(random: Random) -> int:
    return MOST if random.random() < 0.05 else MANY


@contextmanager
def _small(random: Random) -> Iterator[None]:
    """Bounds that so few users reach, pauses that do not use up the run, and names that are drawn from the seed."""
    with (
        patch("services.stream_worker.store.MAX_USERS", random.choice((1, 3, 100))),
        patch("services.stream_worker.ledger.MIN_OVERGROWN", random.choice((4, 256))),
        patch("services.stream_worker.worker.RETRY_S", random.choice((0.01, 0.1))),
        patch("secrets.token_hex", lambda size: f"{random.getrandbits(8 * size):0{2 * size}x}"),
    ):
        yield
