"""What a generator process does besides its work: it reads its plan, tells every second what is new, and ends when its
standard input does. One JSON document a line, both ways."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvloop

from loadtests.load.measured.tally import Tallies

TELL_S = 1.0
EARLY_S = 3.0
"""How long a process that is to end early waits for what is under way."""


async def telling(take: Callable[[], Tallies], facts: Callable[[], dict[str, Any]]) -> None:
    """Tell what was taken, until cancelled."""
    while True:
        await asyncio.sleep(TELL_S)
        tell(take(), facts())


def tell(tallies: Tallies, facts: dict[str, Any]) -> None:
    """`facts` are what else is to be known."""
    sys.stdout.write(json.dumps({"tallies": tallies.as_json(), **facts}, separators=(",", ":")) + "\n")
    sys.stdout.flush()


async def end_of_input() -> None:
    """Returns when whoever started this process wants it to end, or has ended itself."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with suppress(ConnectionError):
        await reader.read()


async def patiently(work: Awaitable[Any], patience_s: float, stopped: asyncio.Future[None]) -> None:
    """Wait for the work, but for so long at most, and for a while only where `stopped` is or gets done."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task, stopped}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        await asyncio.wait({task}, timeout=min(patience_s, EARLY_S))
    task.cancel()


def main(run: Callable[[str], Any]) -> None:
    """Run the coroutine function with the plan, the first line of the standard input."""
    plan = sys.stdin.buffer.raw.readline().decode()  # type: ignore[union-attr] # a pipe; nothing may stay in a buffer
    gc.freeze()  # what is there stays; a collection then has next to nothing to look at
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(plan))
