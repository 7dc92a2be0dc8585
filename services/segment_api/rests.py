"""How long work takes the place of lookups, which are answered by the same thread."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

WORK_S = 0.0005
REST_S = 0.001


class Pace:
    """Shared by all such work of a process, so that all of it together leaves most of the time to lookups."""

    def __init__(self) -> None:
        self._taken_until_s = 0.0

    def next_stretch_s(self, now_s: float) -> float:
        """Take the next stretch of `WORK_S` seconds that is free; it begins so many seconds from now."""
        begin_s = max(now_s, self._taken_until_s) + REST_S
        self._taken_until_s = begin_s + WORK_S
        return begin_s - now_s


class Rests:
    """Lets others work for a while, whenever one piece of work has gone on for a while.

    To give way for a moment would not do: a lookup takes several turns, and would wait for some work before each.
    Being asked costs next to nothing: it is meant to be asked after every small step.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._since_s = time.perf_counter()

    async def between(self) -> None:
        now_s = time.perf_counter()
        if now_s - self._since_s >= WORK_S:
            await asyncio.sleep(self._pace.next_stretch_s(now_s))
            self._since_s = time.perf_counter()


class Lane:
    """For work that somebody waits for, so that it goes on without a rest as long as nobody else has any.

    Of all that is in the lane one stretch is done in a turn of the event loop, however much there is.
    """

    def __init__(self) -> None:
        self._free = asyncio.Lock()

    async def each(self, act: Callable[[T], None], rows: Iterable[T]) -> None:
        """Act on the rows in their order. What `act` raises ends it."""
        remaining = iter(rows)
        while not await self._stretch(act, remaining):
            pass

    async def _stretch(self, act: Callable[[T], None], rows: Iterator[T]) -> bool:
        """Whether those were the last."""
        async with self._free:
            until_s = time.perf_counter() + WORK_S
            for row in rows:
                act(row)
                if time.perf_counter() >= until_s:
                    await asyncio.sleep(0)
                    return False
        return True
