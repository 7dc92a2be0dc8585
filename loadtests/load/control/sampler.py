"""Looks at the stack every other second of a run: how far the log is applied, and what the services have used."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from loadtests.load.control.stack_client import StackClient
from loadtests.load.measured.measured import LagSample
from loadtests.load.measured.prometheus import Spent, read_usage

PERIOD_S = 2.0


class Source(NamedTuple):
    """A process of a role, by the base URL of its /metrics."""

    role: str
    url: str


class Sampler:
    def __init__(self, client: StackClient, sources: Sequence[Source], begin_s: float) -> None:
        """`begin_s` is of time.monotonic(): nothing before it counts."""
        self._client, self.sources, self._begin_s = client, sources, begin_s
        self._since_s = time.time() + begin_s - time.monotonic()
        self.lag: list[LagSample] = []
        self.spent: dict[str, Spent] = {}
        self.partitions: list[dict[str, Any]] = []
        """What GET /v1/status told of each partition the last time."""

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(self._begin_s - time.monotonic())
        while True:
            await self.sample()
            await asyncio.sleep(PERIOD_S)

    async def sample(self) -> None:
        await asyncio.gather(self._status(), *(self._usage(source) for source in self.sources))

    async def _status(self) -> None:
        if self._client.target.api is None or (status := await self._client.status()) is None:
            return
        self.partitions = status["partitions"]
        behind = {row["partition"]: max(0, row["end"] - row["watermark"]) for row in self.partitions}
        worst = max(behind, key=lambda number: behind[number])
        self.lag.append(LagSample(time.monotonic() - self._begin_s, status["lag"], worst, behind[worst]))

    async def _usage(self, source: Source) -> None:
        text = await self._client.metrics(source.url)
        usage = None if text is None else read_usage(source.role, text)
        if usage is not None:
            self.spent.setdefault(source.role, Spent(self._since_s)).see(source.url, usage, time.monotonic())
