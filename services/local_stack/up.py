"""`tranche up`: the stack in the foreground until SIGTERM or Ctrl-C."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from services.local_stack.stack import Stack, StackOptions

CHECK_S = 0.1


def up(options: StackOptions) -> None:
    """Print `ready` when everything serves, and keep it so. Raises StartFailed."""
    with signals_as_interrupts():
        stack = Stack(options)
        try:
            stack.start()
            print("ready", flush=True)  # noqa: T201 - the contract's one line
            while True:
                stack.keep_alive()
                time.sleep(CHECK_S)
        except KeyboardInterrupt:
            pass
        finally:
            stack.stop()


async def keep_alive(stack: Stack) -> None:
    """The same as a task, beside something else; until cancelled."""
    while True:
        stack.keep_alive()
        await asyncio.sleep(CHECK_S)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Treat the first SIGTERM or SIGINT as Ctrl-C, and later ones as noise: stopping is under way."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
