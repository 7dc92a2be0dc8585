"""One run's world: the servers, the workers that are started again whenever they end, and the time that passes."""

import asyncio
from collections.abc import Callable
from random import Random

from tests.simulation.event_log import SimulatedLog, SimulatedOffsets, SimulatedReader, SimulatedWriter
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

BEGIN_MS = 1_732_190_400_000 + 17 * 60_000 + 23_456


class World:
    def __init__(self, random: Random, trace: Trace, rewritten: Callable[[bytes], bytes], *, tells: bool) -> None:
        """Whether the workers tell changes; `rewritten` is what becomes of the scripts that they load."""
        self.random, self.trace = random, trace
        self.redis = MemoryRedis(lambda: self.now_ms, rewritten)
        self.partitions = random.randint(1, 3)
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
        names = [f"w{number}" for number in range(random.choice((1, 2, 2, 3)))]
        self._supervisors = [asyncio.create_task(self._supervise(name)) for name in names]

    @property
    def now_ms(self) -> int:
        return BEGIN_MS + self.passed_ms + int(self.loop.time() * 1000)

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
            SimulatedRedis.of(self.network, self.redis),
            SimulatedReader(self.network, self.log, self.group),
            SimulatedWriter(self.network, self.log),
            SimulatedOffsets(self.network, self.log),
            SimulatedWriter(self.network, self.changes) if self.changes else None,
            self.partitions,
            lambda: self.now_ms + process.clock_ms,
        )
        self.trace.tell("starts", who=process.name)
        process.start(work(around, self.random, stopping))

    def end(self) -> None:
        for process in self.workers:
            process.kill()
        self.trace.end()
