"""Processes that are no processes: what a task belongs to, so that it can be killed or frozen with all its tasks."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

_current: ContextVar["Process | None"] = ContextVar("process", default=None)


class Step:
    """What the loop is to call; the handle of it that asyncio gets."""

    __slots__ = ("args", "callback", "context", "is_off", "process")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None = None) -> None:
        """Without a context it is of no process, and cannot be called off."""
        self.callback, self.args, self.context = callback, args, context
        self.process = None if context is None else context.get(_current)
        self.is_off = False

    def cancel(self) -> None:
        self.is_off = True

    def cancelled(self) -> bool:
        return self.is_off


class Process:
    """Whatever a task of it starts belongs to it too. Killed, none of them ever takes another step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.alive = True
        self.frozen = False
        self.clock_ms = 0
        """How much its clock is ahead of the world's."""
        self.held: list[Step] = []
        """What is to be run as soon as it is no longer frozen."""
        self.steps_left: int | None = None
        """It dies before it takes another one than these."""
        self.context = copy_context()
        self.context.run(_current.set, self)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Its main task: when it ends, so does the process. Its error is that of `ended`."""
        task = asyncio.get_running_loop().create_task(work, context=self.context)
        task.add_done_callback(self._end, context=Context())

    def kill(self) -> None:
        if self.alive:
            self.alive = False
            self.ended.set_result(None)

    def takes(self, step: Step) -> bool:
        """Whether it takes the step now: it has to live, and one that is frozen takes it later."""
        if self.frozen:
            self.held.append(step)
            return False
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.kill()
        return self.alive

    def _end(self, task: asyncio.Task[None]) -> None:
        if not self.alive:
            return
        self.alive = False
        if error := task.exception():
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)


def current() -> Process | None:
    """The process that the running task belongs to; None for the world around them."""
    return _current.get()
