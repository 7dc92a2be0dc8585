"""Long work leaves most of the time to lookups, however much of it there is."""

import asyncio
import time
from itertools import count
from types import SimpleNamespace

import pytest

from services.segment_api import rests
from services.segment_api.rests import REST_S, WORK_S, Pace, Rests


async def test_work_rests_once_it_has_gone_on_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    moments_s = (number * WORK_S / 10.5 for number in count())
    monkeypatch.setattr(rests, "time", SimpleNamespace(perf_counter=lambda: next(moments_s)))
    resting, steps = Rests(Pace()), 0
    others = asyncio.create_task(asyncio.sleep(0))
    while not others.done():
        await resting.between()
        steps += 1
    assert steps == 11


def test_stretches_follow_each_other_with_a_rest_between() -> None:
    pace = Pace()
    begins = [pace.next_stretch_s(10.0) for _ in range(4)]
    assert begins == pytest.approx([REST_S + each * (REST_S + WORK_S) for each in range(4)])
    assert pace.next_stretch_s(20.0) == pytest.approx(REST_S)


async def test_all_work_together_leaves_others_more_time_than_it_takes() -> None:
    pace, worked_s = Pace(), [0.0]
    began_s = time.perf_counter()
    await asyncio.gather(*(_work(Rests(pace), worked_s) for _ in range(4)))
    assert worked_s[0] < (time.perf_counter() - began_s) / 2


async def _work(resting: Rests, worked_s: list[float]) -> None:
    for _ in range(40):
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < WORK_S:
            pass
        worked_s[0] += WORK_S
        await resting.between()
