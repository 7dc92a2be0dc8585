"""Where a run is, for whoever watches it."""

import asyncio
import time
from dataclasses import dataclass, field

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
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever wants the run to end early."""

    def say(self, text: str) -> None:
        self.phase = text

    @property
    def elapsed_s(self) -> float:
        """From the beginning of the stage; negative while it warms up."""
        return 0.0 if self.plan is None else time.monotonic() - self.plan.begin_s
