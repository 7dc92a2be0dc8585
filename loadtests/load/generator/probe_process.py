"""The process that measures freshness: this module as a program, with a plan on standard input.

A probe is a user nobody has seen. One event makes it a member of the probe segment; from the collector's 202 on, it is
looked up until it is one. The time told ends with the answer that shows the membership, so it is too long by a lookup
and by the pause before it, and never too short. A probe that is not visible by the end counts as long as it waited.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from loadtests.load.generator.pool import Pool
from loadtests.load.generator.process import end_of_input, main, patiently, tell, telling
from loadtests.load.generator.recorder import Recorder
from loadtests.load.measured.outcomes import NEVER, VISIBLE
from loadtests.load.traffic.plan import Plan
from loadtests.load.traffic.visitors import SPACE

KIND = "freshness"
LEAST_PAUSE_S = 0.004
PAUSE_PART = 0.05
"""The pause between two lookups, as a part of what was waited: however long it takes, it is told to a twentieth."""
PATIENCE_S = 10.0
"""Probes that wait when the run ends may wait for so much longer."""
CONNECTIONS = 8


class Prober:
    def __init__(self, plan: Plan, api: Pool, collector: Pool) -> None:
        self._plan, self._api, self._collector = plan, api, collector
        self._shows = f'"{plan.probe_segment}"'.encode()
        self.recorder = Recorder(plan.begin_s)
        self._since_s: dict[asyncio.Task[None], float] = {}

    async def run(self) -> None:
        """Send probes at their moments, whether or not those before are visible."""
        for number, due_s in enumerate(self._moments()):
            await asyncio.sleep(due_s - time.monotonic())
            self.recorder.handed_over(KIND, due_s, time.monotonic())
            task = asyncio.create_task(self._probe(f"probe-{self._plan.run}-{number}"))
            self._since_s[task] = time.monotonic()
            task.add_done_callback(partial(self._since_s.pop, default=None))

    async def wait_for_all(self, stopped: asyncio.Future[None]) -> None:
        waiting = list(self._since_s)
        await patiently(asyncio.gather(*waiting, return_exceptions=True), PATIENCE_S, stopped)  # which cancels the rest
        await asyncio.gather(*waiting, return_exceptions=True)

    def _moments(self) -> Iterator[float]:
        plan = self._plan
        for number in range(int((plan.warm_up_s + plan.seconds) * plan.probes_per_s)):
            yield plan.begin_s - plan.warm_up_s + number / plan.probes_per_s

    async def _probe(self, user_id: str) -> None:
        event = {"event_id": user_id, "user_id": user_id, "space": SPACE, "type": self._plan.probe_event}
        status, _ = await _asked(self._collector, "/v1/events", json.dumps(event).encode())
        accepted_s = time.monotonic()
        if status != 202:
            return self.recorder.ended(KIND, accepted_s, f"event: {status or 'no answer'}")
        try:
            await self._seen(user_id, accepted_s)
        except asyncio.CancelledError:
            return self.recorder.ended(KIND, accepted_s, NEVER)
        return self.recorder.ended(KIND, accepted_s, VISIBLE)

    async def _seen(self, user_id: str, accepted_s: float) -> None:
        path = f"/v1/users/{user_id}/segments?space={SPACE}&fields=ids"
        while True:
            status, body = await _asked(self._api, path)
            if status == 200 and self._shows in body.partition(b'"segments"')[2]:
                return
            await asyncio.sleep(max(LEAST_PAUSE_S, PAUSE_PART * (time.monotonic() - accepted_s)))


async def _asked(pool: Pool, path: str, body: bytes = b"") -> tuple[int, bytes]:
    answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    def ended(status: int, told: bytes) -> None:
        if not answer.done():
            answer.set_result((status, told))

    pool.ask(path, body, time.monotonic(), ended)
    return await answer


async def measure(told: str) -> None:
    plan = Plan.from_json(told)
    pools = [
        Pool(url, CONNECTIONS, plan.timeout_s, plan.target.key)
        for url in (plan.target.api, plan.target.collector)
        if url is not None
    ]
    prober = Prober(plan, *pools)
    teller = asyncio.create_task(telling(prober.recorder.take, _facts))
    stopped = asyncio.create_task(end_of_input())
    await _until_either(asyncio.create_task(prober.run()), stopped)
    await prober.wait_for_all(stopped)
    teller.cancel()
    tell(prober.recorder.take(), _facts())
    for pool in pools:
        pool.close()


def _facts() -> dict[str, Any]:
    return {"probes": True}


async def _until_either(sending: asyncio.Task[None], stopped: asyncio.Task[None]) -> None:
    await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending


if __name__ == "__main__":
    main(measure)
