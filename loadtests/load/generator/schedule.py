"""Hands each arrival's requests over at the moment when they are due, and notes by how much it was late itself."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from functools import partial

from loadtests.load.generator.recorder import Recorder
from loadtests.load.generator.senders import Sender
from loadtests.load.generator.timer import open_timer
from loadtests.load.traffic.actions import Actions, Crowd
from loadtests.load.traffic.arrivals import arrivals
from loadtests.load.traffic.plan import Plan
from loadtests.load.traffic.scenarios import SCENARIOS

AT_ONCE = 32
"""Arrivals handed over in one turn of the loop: when it is behind, answers have to be read all the same."""
PATIENCE_S = 2.0
"""A generator that is so far behind at the end gives up, and says how much it never sent."""


class Schedule:
    def __init__(self, plan: Plan, senders: Mapping[str, Sender], recorder: Recorder) -> None:
        self._plan, self._senders, self._recorder = plan, senders, recorder
        crowd = Crowd(plan.seed, plan.users, plan.exponent, plan.run)
        self._actions = Actions(crowd, SCENARIOS[plan.scenario].actions)
        self._moments = self._own_moments()
        self._next = next(self._moments, None)
        self._over = asyncio.Event()
        self.unsent = 0

    async def run(self) -> None:
        """Until the last arrival was handed over, or `stop`."""
        self._timer = open_timer(self._wake)
        self._wake()
        try:
            await self._over.wait()
        finally:
            self._timer.close()

    def stop(self) -> None:
        self._over.set()

    def _own_moments(self) -> Iterator[tuple[int, float]]:
        """The number and the moment, seconds from the beginning, of each arrival that is this process' own."""
        plan = self._plan
        for number, at_s in enumerate(arrivals(partial(rate_at, plan), -plan.warm_up_s, plan.seconds)):
            if number % plan.processes == plan.process:
                yield number, at_s

    def _wake(self) -> None:
        begin_s = self._plan.begin_s
        for _ in range(AT_ONCE):
            if self._next is None:
                return self._over.set()
            number, at_s = self._next
            if begin_s + at_s > time.monotonic():
                break
            self._hand_over(number, begin_s + at_s)
            self._next = next(self._moments, None)
        if time.monotonic() > begin_s + self._plan.seconds + PATIENCE_S:
            return self._give_up()
        return self._timer.arm(begin_s + self._next[1] if self._next else 0)

    def _hand_over(self, number: int, due_s: float) -> None:
        now_ms = self._plan.begin_wall_ms + round((due_s - self._plan.begin_s) * 1000)
        for ask in self._actions.of(number, now_ms):
            self._recorder.handed_over(ask.kind, due_s, time.monotonic())
            self._senders[ask.kind].send(ask, due_s, partial(self._recorder.ended, ask.kind, due_s))

    def _give_up(self) -> None:
        self.unsent = sum(1 for _ in self._moments) + 1
        self._over.set()


def rate_at(plan: Plan, at_s: float) -> float:
    """Arrivals a second at a moment of the run; the warm-up goes as the run begins."""
    scenario = SCENARIOS[plan.scenario]
    return plan.rate * scenario.shape(min(1.0, max(0.0, at_s / plan.seconds)))
