"""Deadlines of many lookups, which pass in the order of their arrival: one timer is enough for all of them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Arrived(Protocol):
    arrived_s: float
    is_over: bool


A = TypeVar("A", bound=Arrived)


class Deadlines(Generic[A]):
    """`late` is told of each that is not over `limit_s` after its arrival. The queue is in the order of arrival."""

    def __init__(self, limit_s: float, late: Callable[[A], None]) -> None:
        self._limit_s, self._late = limit_s, late
        self.queue: deque[A] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """To be called after some were added."""
        now_s, queue = time.monotonic(), self.queue
        while queue and (queue[0].is_over or queue[0].arrived_s + self._limit_s <= now_s):
            first = queue.popleft()
            if not first.is_over:
                self._late(first)
        if queue and self._timer is None:
            left_s = queue[0].arrived_s + self._limit_s - now_s
            self._timer = asyncio.get_running_loop().call_later(left_s, self._look)

    def _look(self) -> None:
        self._timer = None
        self.watch()
