"""How many lookups may be under way: the policy alone, and in a model of the thread that does the work.

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
from hypothesis import given
from hypothesis import strategies as st

from services.segment_api.door.admission import BEGIN, KEPT, LEAST, Admission
from tests.support.seeds import random_of_this_run

DEADLINE_S = 0.008
MOST = 256


def full(admission: Admission, now_s: float = 1.0) -> int:
    """Let in whoever comes at a moment; how many those are."""
    return next(number for number in count() if not admission.enter(now_s, now_s))


def a_while(admission: Admission, begin_s: float, long_waits: int, waits: int = 10) -> None:
    """Some come within a while, of whom the first so many wait for a turn as long as would be too long five times
    over, and not yet for a deadline; and one after it."""
    for number in range(waits):
        now_s = begin_s + DEADLINE_S * number / waits
        admission.enter(now_s - DEADLINE_S * (0.6 if number < long_waits else 0.0), now_s)
    admission.enter(begin_s + 0.5, begin_s + 0.5)


def test_as_many_as_there_is_room_for_are_let_in_and_one_for_each_that_leaves() -> None:
    admission = Admission(DEADLINE_S, MOST)
    assert full(admission) == admission.under_way == BEGIN
    admission.leave()
    assert (full(admission), admission.under_way) == (1, BEGIN)


def test_each_round_that_fills_the_room_makes_room_for_one_more() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for _ in range(BEGIN):
        admission.leave()
        assert admission.enter(1.0, 1.0)
    assert admission.room == BEGIN + 1


def test_room_that_nobody_fills_stays_as_it_is() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for _ in range(10_000):
        assert admission.enter(1.0, 1.0)
        admission.leave()
    assert admission.room == BEGIN


def test_room_never_exceeds_what_there_may_be_at_most() -> None:
    admission = Admission(DEADLINE_S, 20)
    for _ in range(1_000):
        full(admission)
        admission.leave()
    assert admission.room == 20
    assert full(Admission(DEADLINE_S, 2)) == 2


def test_room_is_taken_away_once_for_each_while_in_which_most_wait_too_long() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    a_while(admission, 2.0, 6)
    assert admission.room == int(BEGIN * KEPT)
    a_while(admission, 3.0, 0)
    assert admission.room == int(BEGIN * KEPT)
    a_while(admission, 4.0, 6)
    assert admission.room == int(BEGIN * KEPT * KEPT)


def test_room_made_for_cheap_lookups_is_taken_away_where_dear_ones_come_too_late_to_fill_it() -> None:
    admission = Admission(DEADLINE_S, MOST)
    while admission.room < MOST:
        full(admission)
        admission.leave()
    while admission.under_way:
        admission.leave()
    for number in range(1, 5):
        moment_s = 1.0 + number
        assert not any(admission.enter(moment_s - 2 * DEADLINE_S, moment_s) for _ in range(10))
        admission.enter(moment_s + 0.5, moment_s + 0.5)
        admission.leave()
        assert admission.room == MOST * KEPT**number


def test_long_waits_that_are_not_most_of_a_while_take_no_room_away() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 4)
    assert admission.room == BEGIN


def test_some_are_let_in_however_long_turns_are() -> None:
    admission = Admission(DEADLINE_S, MOST)
    full(admission)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 10)
    assert admission.room == LEAST


def test_where_lookups_are_few_they_are_not_why_turns_are_long() -> None:
    admission = Admission(DEADLINE_S, MOST)
    for begin_s in range(2, 100):
        a_while(admission, float(begin_s), 5, waits=5)
        while admission.under_way:
            admission.leave()
    assert admission.room == BEGIN


def test_a_lookup_whose_deadline_is_over_is_not_let_in_even_where_there_is_room() -> None:
    admission = Admission(DEADLINE_S, MOST)
    assert not admission.enter(1.0, 1.0 + DEADLINE_S * 1.01)
    assert admission.under_way == 0
    assert admission.enter(1.0, 1.0 + DEADLINE_S * 0.99)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 0.02), st.floats(0, 0.1))), st.integers(1, 40))
def test_whatever_happens_the_count_is_right_and_the_room_within_its_bounds(
    steps: list[tuple[bool, float, float]], most: int
) -> None:
    admission, now_s, inside = Admission(DEADLINE_S, most), 0.0, 0
    for leaves, waited_s, pause_s in steps:
        now_s += pause_s
        if leaves and inside:
            admission.leave()
            inside -= 1
        else:
            had_room = inside < admission.room
            let_in = admission.enter(now_s - waited_s, now_s)
            inside += let_in
            assert had_room or not let_in
        assert admission.under_way == inside <= most
        assert min(LEAST, most) <= admission.room <= most


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
                self.admission.leave()
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
