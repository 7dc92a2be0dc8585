"""One run's world: the servers, the workers that are started again whenever they end, and the time that passes."""

import asyncio
from collections.abc import Callable
from random import Random

from services.runtime.event_log.port import LogWriter
from services.runtime.event_log.tail import LogTail
from tests.simulation.event_log import (
    SimulatedLog,
    SimulatedOffsets,
    SimulatedReader,
    SimulatedTail,
    SimulatedWriter,
)
from tests.simulation.group import Group
from tests.simulation.loop import running_loop
from tests.simulation.marketers import Marketers
from tests.simulation.memory_redis import Contents, MemoryRedis
from tests.simulation.network import Network
from tests.simulation.processes import Process
from tests.simulation.redis_client import SimulatedRedis
from tests.simulation.trace import Trace
from tests.simulation.websites import Websites
from tests.simulation.workers import Surroundings, work

BEGINS_MS = 1_732_191_443_456, 1_732_233_500_456
"""Some time after noon, and shortly before midnight (UTC), when the counts have most to do."""


class World:
    def __init__(self, random: Random, trace: Trace, rewritten: Callable[[bytes], bytes], *, tells: bool) -> None:
        """Whether the workers tell changes; `rewritten` is what becomes of the scripts that they load."""
        self.random, self.trace = random, trace
        self.redis = MemoryRedis(lambda: self.now_ms, rewritten)
        self.begin_ms = random.choice(BEGINS_MS)
        self.partitions = random.choice((1, 1, 1, 1, 2, 3))
        self.network = Network(random, trace)
        self.log = SimulatedLog(self.partitions, random, lambda: self.now_ms)
        self.changes = SimulatedLog(self.partitions, random, lambda: self.now_ms) if tells else None
        self.group = Group(self.partitions, random, trace)
        self.websites = Websites(random, self.partitions)
        self.marketers = Marketers(random, self.redis)
        self.workers: dict[Process, asyncio.Event] = {}
        """Those that live, and how each is told to stop."""
        self.kept: list[Contents] = []
        """What replicas of Redis know."""
        self.passed_ms = 0
        """Time that passed in leaps, while nobody did anything."""
        self.ahead_ms = 0
        """How much a clock may have been ahead, ever."""
        self.loop = running_loop()
        names = [f"w{number}" for number in range(random.choice((2, 2, 2, 3)))]
        self._supervisors = [asyncio.create_task(self._supervise(name)) for name in names]

    @property
    def now_ms(self) -> int:
        return self.begin_ms + self.passed_ms + int(self.loop.time() * 1000)

    async def pass_time(self, longest_s: float) -> None:
        """Raises what a worker has ended with: nothing that happens here is a reason for one to end."""
        await asyncio.sleep(self.random.random() * longest_s)
        for supervisor in self._supervisors:
            if supervisor.done():
                supervisor.result()

    def miss(self, process: Process) -> None:
        """The group does, after a while."""
        self.loop.call_later(self.random.random() * 2, self.group.leave_out, process)

    def freeze(self, process: Process, for_s: float) -> None:
        process.frozen = True
        self.miss(process)
        self.loop.call_later(for_s, self.loop.resume, process)

    async def _supervise(self, name: str) -> None:
        for number in range(1_000):
            process, stopping = Process(f"{name}.{number}"), asyncio.Event()
            self.workers[process] = stopping
            self._start(process, stopping)
            await process.ended
            del self.workers[process]
            self.trace.tell("ends", who=process.name)
            self.miss(process)
            await asyncio.sleep(self.random.random() * self.random.choice((0.01, 0.5)))

    def _start(self, process: Process, stopping: asyncio.Event) -> None:
        around = Surroundings(
            SimulatedRedis.of(self.network, self.redis, known_scripts=self.random.random() < 0.8),
            SimulatedReader(self.network, self.log, self.group),
            SimulatedWriter(self.network, self.log),
            SimulatedOffsets(self.network, self.log),
            self._changes(),
            self.partitions,
            lambda: self.now_ms + process.clock_ms,
        )
        self.trace.tell("starts", who=process.name)
        process.start(work(around, self.random, stopping))

    def _changes(self) -> tuple[LogWriter, LogTail] | None:
        changes = self.changes
        return (SimulatedWriter(self.network, changes), SimulatedTail(self.network, changes)) if changes else None

    def end(self) -> None:
        for process in self.workers:
            process.kill()
        self.trace.end()
