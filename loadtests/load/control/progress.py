"""Where a run is, for whoever watches it."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from loadtests.load.measured.measured import Measured
from loadtests.load.traffic.plan import Plan


@dataclass
class Progress:
    phase: str = "looking at the stack"
    plan: Plan | None = None
    """Of the stage under way, as soon as there is one."""
    measured: Measured = field(default_factory=Measured)
    stages: list[str] = field(default_factory=list)
    """A line for each stage that is over."""
    warnings: list[str] = field(default_factory=list)
    """What whoever started the run has to know besides."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever wants the run to end early."""

    def say(self, text: str) -> None:
        self.phase = text

    @property
    def elapsed_s(self) -> float:
        """From the beginning of the stage; negative while it warms up."""
        return 0.0 if self.plan is None else time.monotonic() - self.plan.begin_s

    async def wait(self, work: Collection[asyncio.Future[Any]], timeout_s: float | None = None) -> None:
        """Until some of the work is done, somebody wants the run to end, or the time is up."""
        stopped = asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait({stopped, *work}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
