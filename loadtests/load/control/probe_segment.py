"""The segment that shows when an event is visible: made where it is missing, and taken away again by who made it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from loadtests.load.control.errors import CannotRun
from loadtests.load.control.stack_client import StackClient

EVENT = "loadtest_probe"
SEGMENT = "loadtest-probe"


@dataclass(frozen=True)
class ProbeSegment:
    """An event of the type makes its user a member of the segment."""

    segment: str = SEGMENT
    event: str = EVENT
    may_create: bool = True


@asynccontextmanager
async def present(client: StackClient, probe: ProbeSegment) -> AsyncIterator[None]:
    """Raises CannotRun where it is not there and cannot, or may not, be made."""
    there = await client.api("GET", f"/v1/segments/{probe.segment}")
    if there.status_code == 200:
        yield
        return
    await _create(client, probe)
    try:
        yield
    finally:
        with suppress(CannotRun):
            await client.api("DELETE", f"/v1/segments/{probe.segment}?author=loadtests")


async def _create(client: StackClient, probe: ProbeSegment) -> None:
    rule = f'count("{probe.event}") >= 1'
    if not probe.may_create:
        raise CannotRun(f"there is no segment {probe.segment}; put one with the rule {rule}, or use --no-freshness")
    body = {"name": "Load test probe", "description": "Made by a load test, which deletes it again.", "rule": rule}
    path = f"/v1/segments/{probe.segment}?author=loadtests"
    answer = await client.api("PUT", path, body, {"If-None-Match": "*"})
    if not answer.is_success and answer.status_code != 412:  # 412: another load test was faster
        advice = f"put the segment {probe.segment} with the rule {rule} yourself, or use --no-freshness"
        raise CannotRun(f"the probe segment cannot be made ({answer.status_code} {answer.text[:200]}): {advice}")
