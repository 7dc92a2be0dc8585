"""The process that puts the load on: this module as a program, with a plan on standard input."""

import asyncio
import sys
import time
from collections.abc import Collection
from typing import Any

from loadtests.load.generator.process import end_of_input, main, patiently, tell, telling
from loadtests.load.generator.recorder import Recorder
from loadtests.load.generator.schedule import Schedule
from loadtests.load.generator.senders import Sender, Unreachable, senders
from loadtests.load.traffic.plan import Plan

GRAIN_S = 0.01


class OwnUse:
    """What this process itself takes, from `begin` on."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._since_s, self._used_s = time.monotonic(), time.process_time()

    def told(self) -> dict[str, float]:
        return {"up_s": time.monotonic() - self._since_s, "cpu_s": time.process_time() - self._used_s}


async def generate(told: str) -> None:
    plan = Plan.from_json(told)
    by_kind = senders(plan)
    distinct = list({id(each): each for each in by_kind.values()}.values())
    try:
        await asyncio.gather(*(each.open() for each in distinct))
    except Unreachable as error:
        sys.exit(str(error))
    recorder = Recorder(plan.begin_s)
    schedule = Schedule(plan, by_kind, recorder)

    own = OwnUse()
    asyncio.get_running_loop().call_later(max(0.0, plan.begin_s - time.monotonic()), own.begin)

    def facts() -> dict[str, Any]:
        return {**own.told(), "unsent": schedule.unsent, "waiting": max(each.most_waiting for each in distinct)}

    teller = asyncio.create_task(telling(recorder.take, facts))
    stopper = asyncio.create_task(end_of_input())
    stopper.add_done_callback(lambda _: schedule.stop())
    await schedule.run()
    await patiently(_all_ended(distinct), plan.timeout_s, stopper)
    for each in distinct:
        await each.close()
    teller.cancel()
    tell(recorder.take(), facts())


async def _all_ended(distinct: Collection[Sender]) -> None:
    while any(each.under_way for each in distinct):  # noqa: ASYNC110
        await asyncio.sleep(GRAIN_S)


if __name__ == "__main__":
    main(generate)
