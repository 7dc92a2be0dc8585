"""An event loop whose time passes only when nobody has anything left to do: no socket, no thread, no clock.

What is ready runs in the order in which it became so, and timers by their time, so a run depends on nothing else.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

from tests.simulation.processes import Process, process_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
MAX_STEPS = 500_000
"""More than any run takes: beyond them somebody is going round in circles."""


class GoingRoundInCircles(AssertionError):
    pass


class VirtualLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self._now_s = 0.0
        self._next: deque[tuple[Process | None, asyncio.Handle]] = deque()
        self._timers: list[tuple[float, int, Process | None, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._tasks: list[asyncio.Task[Any]] = []
        self._failure: BaseException | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Until `work` is done; everybody else is left where they are, and never goes on."""
        task: asyncio.Task[T] = self.create_task(work)
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)
            self._abandon()
            self.close()

    def time(self) -> float:
        return self._now_s

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._next.append((process_of(context), handle))
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), process_of(context), handle))
        return handle

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=str(name or ""), context=context)
        self._tasks.append(task)
        return task

    def resume(self, process: Process) -> None:
        """Let a frozen process go on with what has come for it meanwhile."""
        process.frozen = False
        self._next.extend((process, handle) for handle in process.held)
        process.held = []

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Errors of callbacks are the simulation's own. Those of tasks that nobody asked for are not told."""
        if "handle" in context:
            self._failure = context.get("exception")

    def _step(self) -> None:
        if not self._next:
            self._let_time_pass()
        process, handle = self._next.popleft()
        if handle.cancelled():
            return
        if process is not None:
            if process.frozen:
                process.held.append(handle)
                return
            if not process.takes_a_step():
                return
        self.steps += 1
        handle._run()
        if self._failure:
            raise self._failure
        if self.steps > MAX_STEPS:
            raise GoingRoundInCircles(f"{self.steps} steps in {self._now_s:.3f} s")

    def _let_time_pass(self) -> None:
        assert self._timers, "everybody waits for somebody else"
        self._now_s = max(self._now_s, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now_s:
            _, _, process, handle = heappop(self._timers)
            self._next.append((process, handle))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _abandon(self) -> None:
        """Close what is still waiting, so that nothing of it happens later, during another run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # about what was killed before it began
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined] # that is just what is wanted here
                    with suppress(BaseException):
                        task.get_coro().close()


def running_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
