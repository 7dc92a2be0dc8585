"""The segment that shows when an event is visible: made where it is missing, and taken away again by who made it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from loadtests.load.control.errors import CannotRun
from loadtests.load.control.stack_client import StackClient

EVENT = "loadtest_probe"
SEGMENT = "loadtest-probe"
DELETE_S = 3.0


@dataclass(frozen=True)
class ProbeSegment:
    """An event of the type makes its user a member of the segment."""

    segment: str = SEGMENT
    event: str = EVENT
    may_create: bool = True

    @property
    def rule(self) -> str:
        return f'count("{self.event}") >= 1'

    @property
    def path(self) -> str:
        return f"/v1/segments/{self.segment}"


@asynccontextmanager
async def present(client: StackClient, probe: ProbeSegment, warn: Callable[[str], None]) -> AsyncIterator[None]:
    """Raises CannotRun where it is not there and cannot, or may not, be made. Warns where it is left behind."""
    there = await client.api("GET", probe.path)
    if there.status_code == 200:
        yield
        return
    if not probe.may_create:
        raise CannotRun(
            f"there is no segment {probe.segment}; put one with the rule {probe.rule}, or use --no-freshness"
        )
    answer: httpx.Response | None = None
    try:
        answer = await _create(client, probe)
        _refuse_unless_there(answer, probe)
        yield
    finally:
        if answer is None or answer.is_success:  # without an answer it may be made all the same
            await _delete(client, probe, warn)


async def _create(client: StackClient, probe: ProbeSegment) -> httpx.Response:
    about = {"name": "Load test probe", "description": "Made by a load test, which deletes it again."}
    return await client.api(
        "PUT", f"{probe.path}?author=loadtests", {**about, "rule": probe.rule}, {"If-None-Match": "*"}
    )


def _refuse_unless_there(answer: httpx.Response, probe: ProbeSegment) -> None:
    if not answer.is_success and answer.status_code != 412:  # 412: another load test was faster
        advice = f"put the segment {probe.segment} with the rule {probe.rule} yourself, or use --no-freshness"
        raise CannotRun(f"the probe segment cannot be made ({answer.status_code} {answer.text[:200]}): {advice}")


async def _delete(client: StackClient, probe: ProbeSegment, warn: Callable[[str], None]) -> None:
    told = "no answer"
    try:
        # Not asyncio.timeout: in a task that was cancelled before, that of Python 3.11.2 is no TimeoutError.
        answer = await asyncio.wait_for(client.api("DELETE", f"{probe.path}?author=loadtests"), DELETE_S)
        if answer.is_success or answer.status_code == 404:
            return
        told = f"{answer.status_code} {answer.text[:200]}"
    except (CannotRun, TimeoutError):
        pass
    warn(f"the segment {probe.segment} could not be deleted and is left behind: {told}")
