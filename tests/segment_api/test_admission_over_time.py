"""How many lookups may be under way: the policy in a model of the thread that does the work.

The model does what an event loop does: it takes in what has arrived, then does a step of all that is ready, in turns.
It has a clock of its own, so what it tells is the same on any machine.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, repeat
from random import Random

import pytest

from services.segment_api.door.admission import Admission
from tests.support.seeds import random_of_this_run

DEADLINE_S = 0.008
MOST = 256
AGAIN_S = 0.000_05
"""Until a client that is answered asks again."""
STEPS = 3
"""Turns that a lookup takes: at the door, with the reply, and until the answer has left."""


@dataclass
class Thread:
    """Serves lookups of `cost_s` each, and turns one away for `shed_s`; a reply of Redis takes `redis_s`."""

    cost_s: float
    redis_s: float = 0.0003
    shed_s: float = 0.000_03
    admission: Admission = field(default_factory=lambda: Admission(DEADLINE_S, MOST))
    pauses: Iterator[tuple[float, float]] = field(default_factory=lambda: repeat((math.inf, 0.0)))
    """When the thread next stands still, and for how long."""
    closed: int = 0
    """Clients that ask again as soon as they are answered."""
    now_s: float = 0.0
    took_s: list[float] = field(default_factory=list)
    shed: int = 0

    def __post_init__(self) -> None:
        self.again_s = [0.0] * self.closed

    def serve(self, arrivals: Iterator[float], until_s: float) -> None:
        """What arrives during a turn is noted at its end. Connections carry one request at a time: 256 at most wait."""
        ready: deque[tuple[float, int]] = deque()
        replies: list[tuple[float, float]] = []
        waiting: deque[float] = deque()
        next_s = next(arrivals)
        pause_s, lasts_s = next(self.pauses)
        while self.now_s < until_s:
            if self.now_s >= pause_s:
                self.now_s += lasts_s
                pause_s, lasts_s = next(self.pauses)
            if not ready and not waiting:
                self.now_s = max(self.now_s, min([next_s, *self.again_s[:1], *(due_s for due_s, _ in replies[:1])]))
            noted_s = self.now_s
            while next_s <= self.now_s:
                if len(waiting) < 256:
                    waiting.append(noted_s)
                next_s = next(arrivals)
            while self.again_s and self.again_s[0] <= self.now_s:
                waiting.append(noted_s)
                heapq.heappop(self.again_s)
            while replies and replies[0][0] <= self.now_s:
                ready.append((heapq.heappop(replies)[1], 2))
            self._turn(ready, replies, waiting)

    def _turn(self, ready: deque[tuple[float, int]], replies: list[tuple[float, float]], waiting: deque[float]) -> None:
        """What was under way comes first, as it was ready before."""
        for _ in range(len(ready)):
            noted_s, step = ready.popleft()
            self.now_s += self.cost_s / STEPS
            if step == 1:
                heapq.heappush(replies, (self.now_s + self.redis_s, noted_s))
            elif step < STEPS - 1:
                ready.append((noted_s, step + 1))
            else:
                self.admission.leave(self.now_s)
                self.took_s.append(self.now_s - noted_s)
                self._answered()
        while waiting:
            noted_s = waiting.popleft()
            if self.admission.enter(noted_s, self.now_s):
                self.now_s += self.cost_s / STEPS
                ready.append((noted_s, 1))
            else:
                self.now_s += self.shed_s
                self.shed += 1
                self._answered()

    def _answered(self) -> None:
        if self.closed:
            heapq.heappush(self.again_s, self.now_s + AGAIN_S)


def regular(rate: float) -> Iterator[float]:
    return (number / rate for number in count())


@pytest.mark.parametrize("cost_s", [0.000_3, 0.000_5, 0.001, 0.002])
@pytest.mark.parametrize("times", [2, 5])
def test_whatever_is_asked_beyond_what_can_be_served_all_but_the_turning_away_goes_into_answers_in_time(
    cost_s: float, times: int
) -> None:
    """At twice the load that is more than nine tenths of it, where to turn one away costs little beside a lookup."""
    thread = Thread(cost_s)
    thread.serve(regular(times / cost_s), 5.0)
    in_time = [took_s for took_s in thread.took_s if took_s <= DEADLINE_S]
    turning_away = thread.shed_s / cost_s
    possible = (1 - times * turning_away) / (1 - turning_away)  # of what could be served if all of it were asked
    served = len(in_time) * cost_s / 5.0
    assert served > 0.98 * possible
    assert served > 0.9 or times > 2 or cost_s < 0.000_5
    assert len(in_time) > 0.99 * len(thread.took_s)


PAUSES = 20
"""In a second: the collector of garbage, and other work of the machine."""


def paused(random: Random) -> Iterator[tuple[float, float]]:
    at_s = 0.0
    while True:
        at_s += random.expovariate(PAUSES)
        yield at_s, random.uniform(0.001, 0.005)


def at_random(rate: float, random: Random) -> Iterator[float]:
    at_s = 0.0
    while True:
        at_s += random.expovariate(rate)
        yield at_s


@pytest.mark.parametrize("cost_s", [0.000_4, 0.000_5, 0.001])
def test_pauses_at_twice_the_load_cost_little_more_than_their_own_time(cost_s: float) -> None:
    random = random_of_this_run()
    thread = Thread(cost_s, pauses=paused(random))
    thread.serve(at_random(2 / cost_s, random), 20.0)
    in_time = sum(took_s <= DEADLINE_S for took_s in thread.took_s)
    possible = (1 - 2 * thread.shed_s / cost_s) / (1 - thread.shed_s / cost_s)
    assert in_time * cost_s / 20.0 > 0.9 * possible * (1 - PAUSES * 0.003)


@pytest.mark.parametrize("clients", [4, 6])
def test_clients_that_are_answered_in_time_are_not_turned_away_for_some_pauses(clients: int) -> None:
    thread = Thread(0.000_42, pauses=paused(random_of_this_run()), closed=clients)
    thread.serve(repeat(math.inf), 20.0)
    assert thread.shed < 0.01 * len(thread.took_s)
    assert sum(took_s <= DEADLINE_S for took_s in thread.took_s) > 0.95 * len(thread.took_s)


def test_pauses_alone_turn_hardly_anybody_away() -> None:
    random = random_of_this_run()
    thread = Thread(0.000_4, pauses=paused(random))
    thread.serve(at_random(0.6 / thread.cost_s, random), 20.0)
    assert thread.shed < 0.05 * len(thread.took_s)


@pytest.mark.parametrize("redis_s", [0.000_3, 0.003, 0.005])
def test_a_load_that_can_be_served_is_however_slow_redis_is(redis_s: float) -> None:
    thread = Thread(0.000_5, redis_s)
    thread.serve(regular(0.9 / thread.cost_s), 5.0)
    assert thread.shed < 0.005 * len(thread.took_s)
    assert max(thread.took_s) < DEADLINE_S


def test_room_is_back_soon_after_a_pause_of_the_whole_thread() -> None:
    thread, arrivals = Thread(0.000_5), regular(0.5 / 0.000_5)
    thread.serve(arrivals, 1.0)
    shed = thread.shed
    thread.now_s += 0.1  # as when the machine has other things to do
    thread.serve(arrivals, 1.2)
    assert thread.shed > shed
    shed = thread.shed
    thread.serve(arrivals, 5.0)
    assert thread.shed == shed
