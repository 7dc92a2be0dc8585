"""Ctrl-C at any moment: the tool as a process of its own, interrupted as by a terminal, and a toy of a stack."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from loadtests.load.control.children import CHECKOUT
from loadtests.load.control.interruption import STOPPED
from tests.loadtests.toy_server import KNOWN, NOTHING, ToyServer, toy_server

PATIENCE_S = 30.0
SECONDS = 20.0
"""An interrupted run is over in less, even where others run: it waits for 9 s at most."""
LIMITS = "{defaults: {lookup.errors: {max: 0}}, scenarios: {}}"
PROBE_SHOWN = b'{"known":true,"segments":["loadtest-probe"],"degraded":false}'


class Stack:
    """What the toy answers: all is well, unless there is `lag` or it `hangs`."""

    def __init__(self) -> None:
        self.lag, self.hangs = 0, False

    def answer(self, line: str) -> tuple[int, bytes]:
        method, path, _ = line.split(" ")
        if self.hangs:
            return 200, NOTHING
        if path.startswith("/v1/segments/"):
            return {"GET": (404, b"{}"), "PUT": (200, b"{}"), "DELETE": (204, b"")}[method]
        if path == "/v1/events":
            return 202, b'{"accepted":1,"rejected":[]}'
        if path == "/v1/status":
            return self._status()
        if path.startswith("/v1/users/probe-"):
            return 200, PROBE_SHOWN
        return 200, KNOWN

    def _status(self) -> tuple[int, bytes]:
        partitions = [{"partition": 0, "end": self.lag, "watermark": 0}]
        told = {"lag": self.lag, "refreshed": 1, "catalog_version": 1, "users": 1, "partitions": partitions}
        return 200, json.dumps(told).encode()


class Tool:
    """`python -m loadtests` in a process group of its own, as under a terminal."""

    def __init__(self, process: asyncio.subprocess.Process, toy: ToyServer, out: Path) -> None:
        self._process, self._toy, self._out = process, toy, out
        self._started: set[psutil.Process] = set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                assert self._process.returncode is None, await self._process.stdout.read()  # type: ignore[union-attr]
                await asyncio.sleep(0.02)

    def asked(self, beginning: str) -> int:
        """How many requests began like this."""
        return sum(line.startswith(beginning) for line in self._toy.lines)

    def imports(self) -> bool:
        """Whether it has begun to: libraries of its own are mapped."""
        return any("_asyncio" in each.path for each in psutil.Process(self._process.pid).memory_maps())

    def interrupt(self) -> None:
        self._started |= set(psutil.Process(self._process.pid).children(recursive=True))
        os.killpg(self._process.pid, signal.SIGINT)

    async def over(self) -> str:
        """What it said. It ended with 130, in time, and left neither a process nor the probe segment behind."""
        begun_s = time.monotonic()
        told, _ = await asyncio.wait_for(self._process.communicate(), PATIENCE_S)
        assert time.monotonic() - begun_s < SECONDS
        assert self._process.returncode == STOPPED, told.decode()
        assert not [each for each in self._started if each.is_running()]
        assert self.asked("DELETE /v1/segments/loadtest-probe") == self.asked("PUT /v1/segments/loadtest-probe")
        return told.decode()

    @property
    def seconds(self) -> float:
        """That the report tells of; 0 where there is none."""
        with suppress(FileNotFoundError):
            return sum(
                float(stage["seconds"]) for stage in json.loads((self._out / "report.json").read_text())["stages"]
            )
        return 0.0


@pytest.fixture
def stack() -> Stack:
    return Stack()


@asynccontextmanager
async def tool(stack: Stack, tmp_path: Path, command: str = "run") -> AsyncIterator[Tool]:
    (tmp_path / "limits.yaml").write_text(LIMITS)
    async with toy_server(stack.answer) as toy:
        where = ("--api", toy.url, "--collector", toy.url, "--metrics", f"api={toy.url}")
        load = ("--rate", "50", "--seconds", "60", "--warm-up", "0.1", "--users", "100", "--past", "50")
        judged = ("--thresholds", str(tmp_path / "limits.yaml"), "--out", str(tmp_path / "report"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "loadtests", command, "mixed", *where, *load, *judged),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )
        try:
            yield Tool(process, toy, tmp_path / "report")
        finally:
            with suppress(ProcessLookupError):
                process.kill()


async def test_while_it_measures_there_is_a_report_of_what_was_measured(stack: Stack, tmp_path: Path) -> None:
    async with tool(stack, tmp_path) as run:
        await run.until(lambda: run.asked("GET /v1/users/load-") > 50)
        run.interrupt()
        told = await run.over()
    assert "stopped by hand after" in told
    assert 0 < run.seconds < 59


async def test_while_it_prepares_it_says_that_there_is_no_report(stack: Stack, tmp_path: Path) -> None:
    stack.lag = 5
    async with tool(stack, tmp_path) as run:
        await run.until(lambda: run.asked("GET /v1/status") > 2)
        run.interrupt()
        assert "stopped, without a report" in await run.over()
    assert run.seconds == 0


async def test_twice_while_it_prepares_it_cleans_up_all_the_same(stack: Stack, tmp_path: Path) -> None:
    stack.lag = 5
    async with tool(stack, tmp_path) as run:
        await run.until(lambda: run.asked("GET /v1/status") > 2)
        stack.hangs = True
        run.interrupt()
        await run.until(lambda: run.asked("DELETE ") == 1)
        run.interrupt()
        assert "is left behind: no answer" in await run.over()


@pytest.mark.long
async def test_twice_while_it_measures_it_does_not_wait_for_answers(stack: Stack, tmp_path: Path) -> None:
    async with tool(stack, tmp_path) as run:
        await run.until(lambda: run.asked("GET /v1/users/load-") > 50)
        stack.hangs = True
        run.interrupt()
        await asyncio.sleep(0.1)
        run.interrupt()
        told = await run.over()
    assert "stopped, without a report" in told
    assert "loadtest-probe could not be deleted and is left behind: no answer" in told


@pytest.mark.long
async def test_a_stack_that_has_stopped_to_answer_does_not_hold_it_up(stack: Stack, tmp_path: Path) -> None:
    async with tool(stack, tmp_path) as run:
        await run.until(lambda: run.asked("GET /v1/users/load-") > 50)
        stack.hangs = True
        run.interrupt()
        assert "stopped by hand after" in await run.over()
    assert run.seconds > 0


async def test_between_the_steps_of_a_search_it_does_not_wait_for_the_workers(stack: Stack, tmp_path: Path) -> None:
    async with tool(stack, tmp_path, "find-peak") as run:
        await run.until(lambda: run.asked("GET /v1/users/load-") > 50)
        stack.lag = 5
        run.interrupt()
        assert "no rate could be measured" in await run.over()
    assert run.seconds > 0


async def test_before_it_has_even_begun_there_is_no_traceback(stack: Stack, tmp_path: Path) -> None:
    async with tool(stack, tmp_path) as run:
        await run.until(run.imports)
        run.interrupt()
        assert "Traceback" not in await run.over()
