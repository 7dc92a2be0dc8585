"""What a replay shows of itself while it moves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from rich.console import Console

from services.replay.counts import Counts
from services.replay.lag import ReadLag
from services.replay.screens import Screen, screen_for
from services.replay.source import Source

FRAME_S = 0.2
SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """What is shown at one moment. `fraction` is from 0 to 1; None where the end is not known."""

    fraction: float | None
    events: int
    events_per_s: float
    users: int
    lag: int | None
    waiting_for: str | None

    def __str__(self) -> str:
        lag = "" if self.lag is None else f"  lag {self.lag:,}"
        waiting = "" if self.waiting_for is None else f"  waiting: {self.waiting_for}"
        return f"{self.events:,} events  {self.events_per_s:,.0f}/s  {self.users:,} users{lag}{waiting}"


@asynccontextmanager
async def progress(console: Console, source: Source, counts: Counts, lag: ReadLag | None) -> AsyncIterator[None]:
    """Show `counts` on `console` as long as the context is open, and once more at its end."""
    watch = _Watch(source, counts, lag)
    with screen_for(console, source.name) as screen:
        task = asyncio.create_task(_refresh(watch, screen))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await watch.sample()
            screen.show(watch.view())


async def _refresh(watch: "_Watch", screen: Screen) -> None:
    while True:
        await watch.sample()
        sampled_s = time.monotonic()
        while time.monotonic() < sampled_s + SAMPLE_S:
            screen.show(watch.view())
            await asyncio.sleep(FRAME_S)


class _Watch:
    """Makes views: the counts of this moment with the rate and the lag of the latest sample."""

    def __init__(self, source: Source, counts: Counts, lag: ReadLag | None) -> None:
        self._source = source
        self._counts = counts
        self._read_lag = lag
        self._lag: int | None = None
        self._rate = 0.0
        self._sampled = (time.monotonic(), 0)

    async def sample(self) -> None:
        now_s, answered = time.monotonic(), self._counts.answered
        before_s, before = self._sampled
        if now_s > before_s:
            self._rate = (answered - before) / (now_s - before_s)
        self._sampled = (now_s, answered)
        if self._read_lag is not None:
            self._lag = await self._read_lag()

    def view(self) -> View:
        counts = self._counts
        return View(
            fraction=self._source.fraction_done(),
            events=counts.answered,
            events_per_s=self._rate,
            users=len(counts.users),
            lag=self._lag,
            waiting_for=counts.waiting_for,
        )
