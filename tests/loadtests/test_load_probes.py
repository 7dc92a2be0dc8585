"""Freshness against a toy stack that shows an event when a test wants it to."""

import asyncio
import time

import pytest

from loadtests.load.generator import probe_process
from loadtests.load.generator.pool import Pool
from loadtests.load.generator.probe_process import Prober
from loadtests.load.measured.tally import Tally
from loadtests.load.traffic.plan import Plan
from tests.loadtests.loading import plan_for
from tests.loadtests.toy_server import toy_server

ACCEPTED = b'{"accepted":1,"rejected":[]}'


class ToyStack:
    """Shows a user's membership so long after the event; None: never. Until then another segment is there."""

    def __init__(self, shows_after_s: float | None, status: int = 202) -> None:
        self._shows_after_s, self._status = shows_after_s, status
        self._begun_s: float | None = None
        self.lookups = 0

    def answer(self, line: str) -> tuple[int, bytes]:
        if line.startswith("POST"):
            self._begun_s = time.monotonic()
            return self._status, ACCEPTED
        assert self._begun_s is not None
        self.lookups += 1
        waited_s = time.monotonic() - self._begun_s
        is_there = self._shows_after_s is not None and waited_s >= self._shows_after_s
        segments = '["loadtest-probe","new-visitors"]' if is_there else '["new-visitors","loadtest-probe-2"]'
        user_id = line.split("/")[3]
        return 200, f'{{"user_id":"{user_id}","known":true,"segments":{segments},"degraded":false}}'.encode()


async def probed(stack: ToyStack) -> Tally:
    """What one probe tells."""
    async with toy_server(stack.answer) as toy:
        plan = plan_for(toy.url, probes_per_s=1.0, probe_segment="loadtest-probe", probe_event="probe")
        prober = _prober(plan, toy.url)
        await asyncio.wait_for(prober.run(), 5.0)
        await prober.wait_for_all(asyncio.get_running_loop().create_future())
        return prober.recorder.take().total("freshness", since=-1_000_000)


def _prober(plan: Plan, url: str) -> Prober:
    return Prober(plan, Pool(url, 2, 1.0, None), Pool(url, 2, 1.0, None))


@pytest.mark.parametrize("shows_after_s", [0.0, 0.3])
async def test_is_the_time_until_the_lookup_that_shows_it_and_never_less(shows_after_s: float) -> None:
    told = await probed(ToyStack(shows_after_s))
    assert told.outcomes == {"visible": 1}
    assert shows_after_s * 1000 - 5 <= (told.latency.max_ms or 0) < shows_after_s * 1000 * 1.05 + 100


async def test_whoever_never_shows_counts_as_long_as_it_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_process, "PATIENCE_S", 0.6)
    told = await probed(stack := ToyStack(None))
    assert told.outcomes == {"never visible": 1}
    assert (told.latency.max_ms or 0) >= 550
    assert 20 < stack.lookups < 160  # it asks less and less often, so that a stall brings no storm of lookups


async def test_an_event_that_was_not_taken_is_a_failure_of_the_probe() -> None:
    assert (await probed(ToyStack(0.0, status=503))).outcomes == {"event: 503": 1}


async def test_probes_come_at_their_moments_whether_or_not_those_before_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_process, "PATIENCE_S", 0.1)
    async with toy_server(ToyStack(None).answer) as toy:
        changes = {"probes_per_s": 10.0, "seconds": 0.5, "begin_s": time.monotonic()}
        prober = _prober(plan_for(toy.url, probe_segment="loadtest-probe", probe_event="probe", **changes), toy.url)
        await asyncio.wait_for(prober.run(), 2.0)
        await prober.wait_for_all(asyncio.get_running_loop().create_future())
    told = prober.recorder.take().total("freshness", since=-1_000_000)
    assert told.outcomes == {"never visible": 5}
