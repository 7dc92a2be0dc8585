"""How a replay shows that it is moving: a bar on a terminal, a plain line every few seconds anywhere else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from services.replay.counts import Counts
from services.replay.lag import ReadLag
from services.replay.source import Source

FRAME_S = 0.2
SAMPLE_S = 1.0
LINE_S = 5.0


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


class _Screen(Protocol):
    def show(self, view: View) -> None: ...


@asynccontextmanager
async def progress(console: Console, source: Source, counts: Counts, lag: ReadLag | None) -> AsyncIterator[None]:
    """Show `counts` on `console` as long as the context is open, and once more at its end."""
    watch = _Watch(source, counts, lag)
    with _screen(console, source.name) as screen:
        task = asyncio.create_task(_refresh(watch, screen))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await watch.sample()
            screen.show(watch.view())


async def _refresh(watch: "_Watch", screen: _Screen) -> None:
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


def _screen(console: Console, name: str) -> AbstractContextManager[_Screen]:
    return _bar(console, name) if console.is_terminal else nullcontext(_Lines(console, name))


class _Bar:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def show(self, view: View) -> None:
        self._bars.update(
            self._task,
            total=None if view.fraction is None else 1.0,
            completed=view.fraction or 0.0,
            view=str(view),
        )


@contextmanager
def _bar(console: Console, name: str) -> Iterator[_Screen]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[view]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bar(bars, bars.add_task(name, total=None, view=""))


class _Lines:
    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._next_s = time.monotonic() + LINE_S

    def show(self, view: View) -> None:
        if time.monotonic() >= self._next_s:
            part = "" if view.fraction is None else f" {view.fraction:4.0%}"
            self._console.print(f"{self._name}{part}  {view}", markup=False, highlight=False, soft_wrap=True)
            self._next_s = time.monotonic() + LINE_S
