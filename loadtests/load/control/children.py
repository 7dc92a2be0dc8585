"""Generator processes: started, listened to, and told to end. They are out of reach of the terminal's Ctrl-C, so that
what was measured can be gathered after it."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from loadtests.load.traffic.plan import Plan

CHECKOUT = Path(__file__).parents[3]
LINE_BYTES = 16 * 1024 * 1024
LOAD, PROBES = "loadtests.load.generator.load_process", "loadtests.load.generator.probe_process"


class Child:
    """`heard` is called with each document that the process tells."""

    def __init__(self, module: str, plan: Plan, heard: Callable[[dict[str, Any]], None]) -> None:
        self._module, self._plan, self._heard = module, plan, heard
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
            start_new_session=True,
            limit=LINE_BYTES,
        )
        assert process.stdin is not None
        process.stdin.write(self._plan.as_json().encode() + b"\n")
        await process.stdin.drain()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def listen(self) -> str | None:
        """Until the process has ended; what it complained of, if it did not end well."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        complaint = asyncio.create_task(process.stderr.read())
        async for line in process.stdout:
            self._heard(json.loads(line))
        code = await process.wait()
        last = (await complaint).decode(errors="replace").strip().splitlines()[-1:]
        return None if code == 0 else f"a generator process ended with {code}: {''.join(last)}"

    def stop(self) -> None:
        """Have it end early, and not wait for long for what is under way."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """Whether it was started or not."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
