"""What the terminal shows while a run is under way."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtests.load.control.progress import Progress
from loadtests.load.measured.figures import FRESHNESS
from loadtests.load.measured.outcomes import DEGRADED, SHED, errors
from loadtests.load.measured.tally import Tally

REFRESH_S = 1.0
SHOWN_S = 5
"""The quantiles are of so many seconds, the latest that are over."""
LATE_MS = 5.0


@asynccontextmanager
async def shown(progress: Progress, console: Console) -> AsyncIterator[None]:
    """Show the progress as long as the context lasts."""
    with Live(console=console, auto_refresh=False, transient=True) as live:
        task = asyncio.create_task(_refresh(live, progress))
        try:
            yield
        finally:
            task.cancel()


async def _refresh(live: Live, progress: Progress) -> None:
    while True:
        live.update(picture(progress), refresh=True)
        await asyncio.sleep(REFRESH_S)


def picture(progress: Progress) -> RenderableType:
    stages = [Text(f"  {line}") for line in progress.stages]
    if progress.plan is None or progress.phase != "measuring":
        return Group(*stages, Text(f"… {progress.phase}", "bold"))
    return Group(
        *stages, _time(progress), _table(progress), _lag(progress), Text("Ctrl-C ends the run, with a report", "dim")
    )


def _time(progress: Progress) -> RenderableType:
    assert progress.plan is not None
    plan, elapsed_s = progress.plan, progress.elapsed_s
    if elapsed_s < 0:
        return Text(f"{plan.scenario}, {plan.rate:,.0f}/s: warming up, {-elapsed_s:.0f} s more", "bold")
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=plan.seconds, completed=min(elapsed_s, plan.seconds), width=40)
    grid.add_row(
        f"[bold]{plan.scenario}, {plan.rate:,.0f}/s", bar, f"{min(elapsed_s, plan.seconds):.0f} of {plan.seconds:.0f} s"
    )
    return grid


def _lag(progress: Progress) -> Text:
    lag = progress.measured.lag
    return Text(f"worker lag: {lag[-1].records:,} records" if lag else "worker lag: not told yet")


def _table(progress: Progress) -> Table:
    measured = progress.measured
    width = max(SHOWN_S, measured.width)
    until = int(progress.elapsed_s - 1) // measured.width * measured.width
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("a second:", "due", "served", "p50 ms", "p99 ms", "max ms", "errors", "degraded", "503", "own ms"):
        table.add_column(name, justify="left" if name.endswith(":") else "right", no_wrap=True)
    for kind, outcomes in sorted(measured.outcomes.items()):
        table.add_row(*_cells(kind, measured.tallies.total(kind, until - width, until), width, outcomes))
    return table


def _cells(kind: str, latest: Tally, width: int, outcomes: Counter[str]) -> list[str]:
    """The latest seconds, and what became of requests in the whole run so far."""
    latency, late_ms = latest.latency, latest.late.quantile_ms(0.99) or 0.0
    return [
        kind,
        *(f"{number / width:,.1f}" for number in (latest.due, latest.served)),
        *(_ms(value) for value in (latency.quantile_ms(0.5), latency.quantile_ms(0.99), latency.max_ms)),
        _alarming(sum(errors(outcomes).values()), "bold red"),
        _alarming(outcomes[DEGRADED], "yellow"),
        _alarming(outcomes[SHED], "yellow"),
        "" if kind == FRESHNESS else f"{'[bold red]' if late_ms > LATE_MS else ''}{late_ms:.1f}",
    ]


def _alarming(number: int, style: str) -> str:
    return f"[{style}]{number:,}" if number else "0"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
