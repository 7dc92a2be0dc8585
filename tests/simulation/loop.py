"""An event loop whose time passes only when nobody has anything left to do: no socket, no thread, no clock.

What is ready runs in the order in which it became so, and timers by their time, so a run depends on nothing else. It
has only what this takes: most of a run's time is spent between two steps.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

from tests.simulation.processes import Process, Step

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
MAX_STEPS = 30_000
"""More than any run takes: beyond them somebody is going round in circles."""


class GoingRoundInCircles(AssertionError):
    pass


class VirtualLoop(asyncio.AbstractEventLoop):
    get_debug = staticmethod(bool)
    """Asked by each future that is made; written in C, this says no soonest."""

    def __init__(self) -> None:
        self.steps = 0
        self._now_s = 0.0
        self._next: deque[Step] = deque()
        self._timers: list[tuple[float, int, Step]] = []
        self._numbers = count()
        self._tasks: list[asyncio.Task[Any]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Until `work` is done; everybody else is left where they are, and never goes on."""
        task: asyncio.Task[T] = self.create_task(work)
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._take_step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)
            self._abandon()

    def time(self) -> float:
        return self._now_s

    def after(self, seconds: float, callback: Callable[[*Ts], object], *args: *Ts) -> float:
        """By nobody's process, and nothing can call it off. Returns when."""
        when_s = self._now_s + seconds
        heappush(self._timers, (when_s, next(self._numbers), Step(callback, args)))
        return when_s

    def call_soon(  # type: ignore[override] # a step is all that asyncio asks of a handle
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        self._next.append(step)
        return step

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        heappush(self._timers, (when, next(self._numbers), step))
        return step

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Step:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=str(name or ""), context=context)
        self._tasks.append(task)
        return task

    def resume(self, process: Process) -> None:
        """Let a frozen process go on with what has come for it meanwhile."""
        process.frozen = False
        self._next.extend(process.held)
        process.held = []

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Those of tasks that nobody asked for are not told."""

    def _take_step(self) -> None:
        step = self._next.popleft() if self._next else self._after_a_while()
        if step.context is None:
            step.callback(*step.args)
        elif not step.is_off and (step.process is None or step.process.takes(step)):
            step.context.run(step.callback, *step.args)
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise GoingRoundInCircles(f"{self.steps} steps in {self._now_s:.3f} s")

    def _after_a_while(self) -> Step:
        """What comes next when time passes."""
        assert self._timers, "everybody waits for somebody else"
        when_s, _, step = heappop(self._timers)
        self._now_s = max(self._now_s, when_s)
        return step

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
