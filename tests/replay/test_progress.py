"""What is shown while a replay runs: a bar on a terminal, plain lines elsewhere."""

import asyncio
import io

import pytest
from rich.console import Console

from services.replay import progress as progress_module
from services.replay import screens
from services.replay.counts import Counts
from services.replay.progress import progress
from services.replay.source import Source


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "FRAME_S", 0.02)
    monkeypatch.setattr(progress_module, "SAMPLE_S", 0.1)
    monkeypatch.setattr(screens, "LINE_S", 0.1)


async def shown(console: Console, lag: int | None) -> str:
    """What appears during half a second in which 2,000 events of 3 users are answered, halfway through a file."""
    counts = Counts(users={"a", "b", "c"}, waiting_for="503 full")
    asked = 0

    async def read_lag() -> int | None:
        nonlocal asked
        asked += 1
        return lag

    async with progress(console, Source("a [file]", iter([]), lambda: 0.5), counts, read_lag):
        for _ in range(20):
            counts.accepted += 100
            await asyncio.sleep(0.025)
    assert 3 <= asked <= 8
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_plain_lines_come_every_few_seconds_where_there_is_no_terminal() -> None:
    text = await shown(Console(file=io.StringIO(), width=40), lag=1234)
    lines = text.splitlines()
    assert 3 <= len(lines) <= 6
    assert lines[-1].startswith("a [file]  50%  ")
    assert "  3 users  lag 1,234  waiting: 503 full" in lines[-1]
    assert "\x1b" not in text


async def test_the_rate_is_that_of_the_last_moments() -> None:
    text = await shown(Console(file=io.StringIO()), lag=None)
    rates = [float(line.split("events  ")[1].split("/s")[0].replace(",", "")) for line in text.splitlines()]
    assert all(1_000 < rate < 8_000 for rate in rates[1:])
    assert "lag" not in text


async def test_a_terminal_shows_a_bar() -> None:
    text = await shown(Console(file=io.StringIO(), force_terminal=True, width=120), lag=7)
    assert "\x1b" in text
    assert "a [file]" in text
    assert " 50%" in text
    assert "3 users  lag 7" in text
    assert "2,000 events" in text
