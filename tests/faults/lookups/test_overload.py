"""Twice the load that can be served. What the policy of the door comes to is shown where time is simulated
(tests/segment_api/test_admission_over_time.py); here, that a real server does the same.

Other work on the machine takes processor time from the server. So what it serves is compared by the time that it had;
where it was stopped again and again in the midst of its work, that is not judged either.
"""

import os
from typing import NamedTuple

import pytest

from tests.faults.lookups.served import IN_TIME_MS, ServedApi, served
from tests.support.open_loop import Plan, load, share

pytestmark = pytest.mark.alone

SECONDS = 10.0 if os.environ.get("TRANCHE_TEST_LONG") else 1.5
PLAIN, ROUTED = "", "?at=2100-01-01T00:00:00Z"
"""A date-time has to be parsed by the route, which is behind the same door and takes ten times as long: enough for this
load to be far too much. Of plain lookups a server answers as many as this load can be."""
GOODPUT = {PLAIN: 0.9, ROUTED: 0.7}
"""Of what can be served. The rest of a processor is what turning away takes."""
FEW = 4
"""Connections that ask again as soon as they are answered, and are enough to keep the server busy."""


@pytest.mark.parametrize("query", [PLAIN, ROUTED])
def test_at_twice_the_load_most_of_what_can_be_served_still_is_and_in_time(api: ServedApi, query: str) -> None:
    measured(api, api.plan(0, 0.5, FEW, query))
    began_mb = api.memory_mb()
    with api.watched() as watched:
        capacity = measured(api, api.plan(0, 1.0, FEW, query))
        measured(api, api.plan(2 * capacity.per_s, 1.0, query=query))  # in which the door learns what these cost
        twice = measured(api, api.plan(2 * capacity.per_s, SECONDS, query=query))
    goodput = twice.per_cpu_s / capacity.per_cpu_s
    told = (
        f"{capacity.per_s:.0f}/s can be served; at twice that, {goodput:.0%} of it is, half of it within "
        f"{share(twice.times_ms, 0.5):.1f} ms and 99 % within {share(twice.times_ms, 0.99):.1f} ms; "
        f"the server had {capacity.cpu:.0%} and {twice.cpu:.0%} of a processor"
    )
    print(told)  # noqa: T201 - pytest shows it where the test fails
    assert twice.statuses == capacity.statuses == {200}
    assert api.metric('tranche_api_shed_total{request="lookup"}') > 0 or query == PLAIN
    assert api.memory_mb() - began_mb < 30
    assert twice.times_ms, told
    watched.judge(goodput > GOODPUT[query] and share(twice.times_ms, 0.99) < IN_TIME_MS, told)


def test_soon_after_an_overload_everybody_is_answered(api: ServedApi) -> None:
    with load(api.plan(5_000, 1.0)) as heavy:
        heavy.answers()
    with api.watched() as watched, load(api.plan(250, 2.0)) as light:
        calm = light.answers()[250:]
    assert {each.status for each in calm} == {200}
    told = f"{len(served(calm)) / len(calm):.1%} of {len(calm)} are answered as ever"
    print(told)  # noqa: T201 - pytest shows it where the test fails
    assert served(calm)
    watched.judge(len(served(calm)) > 0.95 * len(calm), told)


class Measured(NamedTuple):
    per_s: float
    per_cpu_s: float
    cpu: float
    """The part of a processor that the server had."""
    times_ms: list[float]
    statuses: set[int]


def measured(api: ServedApi, plan: Plan) -> Measured:
    """What the server did of a load, degraded answers aside."""
    began_cpu_s = api.cpu_s()
    with load(plan) as running:
        answers = running.answers()
    cpu_s, good = api.cpu_s() - began_cpu_s, served(answers)
    times_ms = [each.server_ms for each in good]
    statuses = {each.status for each in answers}
    return Measured(len(good) / plan.seconds, len(good) / cpu_s, cpu_s / plan.seconds, times_ms, statuses)
