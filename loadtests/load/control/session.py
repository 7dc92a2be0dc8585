"""One or several stages of load on a stack that was looked at and prepared for them."""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

from loadtests.load.control import preparation
from loadtests.load.control.children import LOAD, PROBES, Child
from loadtests.load.control.errors import CannotRun
from loadtests.load.control.gathering import gather
from loadtests.load.control.options import Options
from loadtests.load.control.probe_segment import present
from loadtests.load.control.progress import Progress
from loadtests.load.control.sampler import Sampler, Source
from loadtests.load.control.stack_client import StackClient
from loadtests.load.control.workers import workers_of
from loadtests.load.measured.measured import Measured
from loadtests.load.traffic.plan import Plan

START_S = 2.0
"""What generator processes have to come up."""
GRACE_S = 20.0
"""After which a generator that does not end is killed: it waits for answers and for probes, but for no longer."""
STOP_S = 6.0
"""The same for one that is told to end early."""
LAST_LOOK_S = 2.0
"""At the stack, where the run ends early."""
EARLY_S = 1.0
Listening = asyncio.Task[str | None]


class Session:
    def __init__(self, options: Options, client: StackClient, progress: Progress, sources: Sequence[Source]) -> None:
        self._options, self._client, self.progress, self._sources = options, client, progress, sources

    async def stage(self, rate: float, seconds: float) -> Measured:
        """Put the load on, and gather what is told of it. Ends early where `progress.stopped` is set."""
        plan = self._plan(rate, seconds)
        measured = Measured.of_seconds(seconds)
        self.progress.measured, self.progress.plan = measured, plan
        self.progress.say("measuring")
        await self._load(plan, measured)
        return measured

    async def catch_up(self) -> None:
        """Wait until the workers have nothing left to do, but not for ever, nor where the run is to end."""
        work = asyncio.ensure_future(preparation.catch_up(self._client, self.progress.say))
        try:
            await self.progress.wait({work})
        finally:
            work.cancel()

    def _plan(self, rate: float, seconds: float) -> Plan:
        options = self._options
        processes = options.processes_at(rate)
        lead_s = START_S + options.warm_up_s
        return Plan(
            scenario=options.scenario,
            target=options.target,
            rate=rate,
            seconds=seconds,
            warm_up_s=options.warm_up_s,
            begin_s=time.monotonic() + lead_s,
            begin_wall_ms=round((time.time() + lead_s) * 1000),
            seed=options.seed,
            users=options.users,
            exponent=options.exponent,
            run=secrets.token_hex(4),  # events of another run are other events, whatever the seed
            connections=math.ceil(options.connections / processes),
            timeout_s=options.timeout_s,
            processes=processes,
            probes_per_s=options.probes_per_s,
            probe_segment=options.probe.segment if options.probe else "",
            probe_event=options.probe.event if options.probe else "",
        )

    async def _load(self, plan: Plan, measured: Measured) -> None:
        children = self._children(plan, measured)
        sampler = Sampler(self._client, self._sources, plan.begin_s)
        measured.lag = sampler.lag  # for those who watch
        sampling = asyncio.create_task(sampler.run())
        try:
            await asyncio.gather(*(child.start() for child in children))
            listening = [asyncio.create_task(child.listen()) for child in children]
            await self._end(plan, listening[: plan.processes])
            sampling.cancel()
            self._note_end(plan, measured, children)
            self.progress.say("waiting for the last answers")
            with suppress(TimeoutError):
                await asyncio.wait_for(sampler.sample(), LAST_LOOK_S if self.progress.stopped.is_set() else None)
            measured.complaints += await self._complaints(children, listening, plan.timeout_s + GRACE_S)
        finally:
            sampling.cancel()
            for child in children:
                child.kill()
        gather(measured, sampler, self._client.target)

    def _children(self, plan: Plan, measured: Measured) -> list[Child]:
        def heard(name: str, module: str, own: Plan) -> Child:
            return Child(module, own, lambda told: measured.hear(name, told))

        numbers = range(plan.processes)
        load = [heard(f"generator {number}", LOAD, replace(plan, process=number)) for number in numbers]
        return [*load, heard("probes", PROBES, plan)] if self._options.probe else load

    async def _end(self, plan: Plan, listening: Sequence[Listening]) -> None:
        """The time is up, a generator is no more, or somebody wants it to end."""
        await self.progress.wait(listening, max(0.0, plan.begin_s + plan.seconds - time.monotonic()))

    async def _complaints(
        self, children: Sequence[Child], listening: Sequence[Listening], patience_s: float
    ) -> list[str]:
        """Of the children, when they have ended. If somebody is in a hurry they have to be, too."""
        everyone = asyncio.gather(*listening)
        await self.progress.wait([everyone], patience_s)
        if self.progress.stopped.is_set():
            for child in children:
                child.stop()
            await asyncio.wait([everyone], timeout=STOP_S)
        if everyone.done():
            return [each for each in everyone.result() if each]
        everyone.cancel()
        return ["a generator process did not end"]

    def _note_end(self, plan: Plan, measured: Measured, children: Sequence[Child]) -> None:
        measured.seconds = max(0.0, min(plan.seconds, time.monotonic() - plan.begin_s))
        if self.progress.stopped.is_set():
            measured.notes.append(f"stopped by hand after {measured.seconds:.0f} s of {plan.seconds:.0f} s")
        if measured.seconds < plan.seconds - EARLY_S:
            for child in children:
                child.stop()


@asynccontextmanager
async def session(options: Options, progress: Progress) -> AsyncIterator[Session]:
    """A stack that is there, with the probe segment and users with a past. Raises CannotRun."""
    options.check()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(StackClient(options.target))
        await client.check()
        if options.probe is not None:
            await stack.enter_async_context(present(client, options.probe, progress.warnings.append))
        if options.past:
            users = min(options.past, options.users)
            await preparation.give_a_past(client, options.seed, users, secrets.token_hex(4), progress.say)
        if options.target.api is not None:
            caught = await preparation.catch_up(client, progress.say)
            if caught is preparation.Caught.NOT_YET:
                raise CannotRun("the workers do not come to an end with what is in the log: does one run?")
        workers = await workers_of(client) if options.finds_workers else []
        yield Session(options, client, progress, [*options.sources, *workers])
