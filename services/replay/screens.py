"""How long work shows that it is moving: a bar on a terminal, a plain line every few seconds anywhere else."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

LINE_S = 5.0


class Shown(Protocol):
    """How far it is at a moment; as text, what there is to say of it."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where the end is not known."""


class Screen(Protocol):
    def show(self, view: Shown) -> None: ...


def screen_for(console: Console, name: str) -> AbstractContextManager[Screen]:
    """What is done goes by this name."""
    return _bar(console, name) if console.is_terminal else nullcontext(_Lines(console, name))


class _Bar:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def show(self, view: Shown) -> None:
        self._bars.update(
            self._task,
            total=None if view.fraction is None else 1.0,
            completed=view.fraction or 0.0,
            view=str(view),
        )


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Screen]:
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

    def show(self, view: Shown) -> None:
        if time.monotonic() >= self._next_s:
            part = "" if view.fraction is None else f" {view.fraction:4.0%}"
            self._console.print(f"{self._name}{part}  {view}", markup=False, highlight=False, soft_wrap=True)
            self._next_s = time.monotonic() + LINE_S
