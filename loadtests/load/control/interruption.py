"""Ctrl-C and SIGTERM. The first one ends what is measured, with a report; before there is anything to report, and when
it comes a second time, everything ends at once. What was started is stopped in any case, and takes seconds at most."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loadtests.load.control.progress import Progress

STOPPED = 130
"""The exit code, as of a program that Ctrl-C ended."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def interruptible(progress: Progress) -> AsyncIterator[None]:
    """As long as the context lasts. The task in it is cancelled once at most, so that it can clean up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        is_first = not progress.stopped.is_set()
        progress.stopped.set()
        if is_first and progress.plan is not None:
            progress.say("ending; Ctrl-C once more ends at once, without a report")
        elif not task.cancelling():
            task.cancel()

    for each in _SIGNALS:
        loop.add_signal_handler(each, interrupt)
    try:
        yield
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
