"""A generator at work, with what it tells: in a process of its own as a run starts it, or in the test's."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from loadtests.load.control.children import LOAD, Child
from loadtests.load.generator.recorder import Recorder
from loadtests.load.generator.schedule import Schedule
from loadtests.load.generator.senders import senders
from loadtests.load.measured.measured import Measured
from loadtests.load.measured.outcomes import GOOD
from loadtests.load.traffic.plan import Plan, Target

START_S = 1.0


def plan_for(url: str, **changes: Any) -> Plan:
    """A second of 200 lookups, unless told otherwise."""
    plan = Plan(
        scenario="lookups",
        target=Target(url, None),
        rate=200.0,
        seconds=1.0,
        warm_up_s=0.0,
        begin_s=time.monotonic() + START_S,
        begin_wall_ms=1_732_240_000_000,
        seed=1,
        users=100,
        exponent=0.9,
        run="test",
        connections=8,
        timeout_s=2.0,
    )
    return replace(plan, **changes)


@asynccontextmanager
async def load(plan: Plan) -> AsyncIterator[tuple[Child, Measured]]:
    """Under way within the context, which ends with it."""
    measured = Measured(seconds=plan.seconds)
    child = Child(LOAD, plan, lambda told: measured.hear("generator 0", told))
    await child.start()
    listening = asyncio.create_task(child.listen())
    try:
        yield child, measured
        complaint = await listening
        measured.complaints += [complaint] if complaint else []
    finally:
        child.kill()


async def loaded(plan: Plan) -> Measured:
    """The same work in this process, at once."""
    plan = replace(plan, begin_s=time.monotonic())
    by_kind, recorder = senders(plan), Recorder(plan.begin_s)
    sender = by_kind["lookup"]
    await Schedule(plan, by_kind, recorder).run()
    while sender.under_way:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await sender.close()
    return Measured(recorder.take(), seconds=plan.seconds)


def good(measured: Measured, kind: str = "lookup") -> int:
    outcomes = measured.tallies.total(kind).outcomes
    return sum(outcomes[name] for name in GOOD)
