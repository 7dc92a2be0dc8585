"""The turns of an event loop as libuv takes them, with clients that ask again as soon as they are answered, and a Redis
on another core. The express in it is the real one; the clock is its own, so what it tells is the same on any machine.
"""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import cast

from services.runtime.metrics import ApiMetrics
from services.runtime.redis_link import Reader
from services.segment_api.door.admission import Admission
from services.segment_api.express.lookups import LookupExpress
from services.segment_api.lookups.lookup import Lookup
from services.segment_api.lookups.written import Written
from services.segment_api.reads import Server

DEADLINE_S = 0.008
MOST = 256
READ_S, ASK_S, REPLY_S, ANSWER_S = 4.5e-6, 2.5e-6, 8e-6, 5e-6
"""What the thread takes for a request that it reads, a GET, a reply and an answer, as measured."""
TURN_S, WRITE_S = 5e-6, 4e-6
REDIS_S, REDIS_EACH_S, AGAIN_S = 100e-6, 2e-6, 20e-6
AT_A_TIME, TIMES = 1024, 48
"""libuv: so many events at a time, and so many times in a turn while there are as many."""
_LINE = b"GET /v1/users/u-42/segments"


class Loop:
    """Its turn: timers, what was called for soon, and then all that there is to read."""

    def __init__(self) -> None:
        self.now_s = 1.0
        self._numbers = count()
        self._soon: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._there: deque[Callable[[], None]] = deque()

    def monotonic(self) -> float:
        return self.now_s

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def call_later(self, after_s: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now_s + after_s, next(self._numbers), callback))

    def arrives(self, at_s: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._later, (at_s, next(self._numbers), callback))

    def turn(self) -> None:
        self.now_s += TURN_S
        while self._timers and self._timers[0][0] <= self.now_s:
            heapq.heappop(self._timers)[2]()
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        if not self._soon and not self._there:
            self.now_s = max(self.now_s, min(due[0][0] for due in (self._timers, self._later) if due))
        for _ in range(TIMES):
            while self._later and self._later[0][0] <= self.now_s:
                self._there.append(heapq.heappop(self._later)[2])
            events = min(AT_A_TIME, len(self._there))
            for _ in range(events):
                self._there.popleft()()
            if events < AT_A_TIME:
                break


class RedisElsewhere:
    """A link to it."""

    def __init__(self, loop: Loop, dear_s: float) -> None:
        self._loop, self._dear_s = loop, dear_s
        self._unsent: list[Reader[bytes | None]] = []
        self._replies: deque[tuple[float, list[Reader[bytes | None]]]] = deque()
        self._free_s = 0.0

    def ask(self, _: bytes, reader: Reader[bytes | None]) -> None:
        self._loop.now_s += ASK_S
        self._unsent.append(reader)

    def flush(self) -> None:
        self._loop.now_s += WRITE_S
        self._free_s = max(self._loop.now_s, self._free_s) + REDIS_EACH_S * len(self._unsent)
        self._replies.append((self._free_s + REDIS_S, self._unsent))
        self._loop.arrives(self._free_s + REDIS_S, self.hear)
        self._unsent = []

    def hear(self) -> None:
        while self._replies and self._replies[0][0] <= self._loop.now_s:
            for reader in self._replies.popleft()[1]:
                self._loop.now_s += REPLY_S + self._dear_s
                reader.told(b"")


class Client:
    """Asks again as soon as it is answered."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self.ask()

    def ask(self) -> None:
        self._crowd.loop.arrives(self._crowd.loop.now_s + AGAIN_S, self._read)

    def answer(self, rest: bytes) -> None:
        self._crowd.loop.now_s += ANSWER_S
        self._crowd.whole += b"degraded" not in rest
        self._crowd.degraded += b"degraded" in rest
        self.ask()

    def hand_over(self, _: float) -> None:
        raise AssertionError

    def _read(self) -> None:
        self._crowd.loop.now_s += READ_S
        assert self._crowd.express.takes(_LINE, self)


class Crowd:
    """So many clients of one express. `dear_s` is what an answer takes beside the usual."""

    def __init__(self, loop: Loop, metrics: ApiMetrics, clients: int, dear_s: float = 0.0) -> None:
        self.loop, self.whole, self.degraded = loop, 0, 0
        self.longest_turn_s = 0.0
        way = SimpleNamespace(link=RedisElsewhere(loop, dear_s), server=Server(MOST))
        writer = SimpleNamespace(write=lambda *_: Written("known", b"whole"), answering=lambda question: question)
        lookup = SimpleNamespace(reads=SimpleNamespace(way_to=lambda _: way), writer=writer, name=lambda *_: b"")
        admission = Admission(DEADLINE_S, MOST)
        self.express = LookupExpress(cast("Lookup", lookup), admission, metrics, lambda: 0, DEADLINE_S)
        for _ in range(clients):
            Client(self)

    def serve(self, seconds: float) -> None:
        """What comes before counts no more."""
        self.whole = self.degraded = 0
        end_s = self.loop.now_s + seconds
        while (began_s := self.loop.now_s) < end_s:
            self.loop.turn()
            self.longest_turn_s = max(self.longest_turn_s, self.loop.now_s - began_s)
