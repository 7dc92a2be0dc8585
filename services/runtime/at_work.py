"""A role's work beside its health page: it ends with the page, and the page with it."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial

Work = Coroutine[None, None, None]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def at_work(role: str, run: Callable[[asyncio.Event], Work], following: Iterable[Work]) -> AsyncIterator[None]:
    """Have `run` work until the context is left, which sets its event, and what it follows be followed meanwhile.

    If it ends by itself, so does the process, with the reason as its error.
    """
    stopping = asyncio.Event()
    followers = [asyncio.create_task(each) for each in following]
    working = asyncio.create_task(run(stopping))
    working.add_done_callback(partial(_stop_process, role, stopping))
    try:
        yield
    finally:
        stopping.set()
        for follower in followers:
            follower.cancel()
        await working


def _stop_process(role: str, stopping: asyncio.Event, working: asyncio.Task[None]) -> None:
    if not stopping.is_set():
        error = working.exception()
        # Only the name of what nobody foresaw: its text may tell of users.
        _log.critical("the %s cannot go on: %s", role, type(error).__name__)
        signal.raise_signal(signal.SIGTERM)
