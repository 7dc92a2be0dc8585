"""What is done before a run so that it measures what it says: users with a past, and nothing left to catch up on."""

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from random import Random

from loadtests.load.control.errors import CannotRun
from loadtests.load.control.stack_client import StackClient
from loadtests.load.traffic.visitors import Event, Visitor

EVENTS_EACH = 3
IN_A_REQUEST = 250
PAUSE_S = 0.2
PATIENCE_S = 120.0

Say = Callable[[str], None]


async def give_a_past(client: StackClient, seed: int, users: int, run: str, say: Say) -> None:
    """Some events for each of the busiest `users`: a lookup of a stranger costs less, and would flatter.

    Raises CannotRun where they are not taken.
    """
    random, now_ms = Random(seed), int(time.time() * 1000)  # noqa: S311 - traffic, no secret
    events: list[Event] = []
    for number in range(users * EVENTS_EACH):
        visitor = Visitor(1 + number // EVENTS_EACH, seed)
        events.append(visitor.event(f"{run}-past-{number}", now_ms - 60_000, random))
        if len(events) == IN_A_REQUEST or number == users * EVENTS_EACH - 1:
            await _collect(client, events)
            say(f"giving {users:,} users a past: {number + 1:,} of {users * EVENTS_EACH:,} events")
            events = []


class Caught(StrEnum):
    UP = "up"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"
    """Nobody tells: the key is not good for /v1/status, or the API is not there."""


async def catch_up(client: StackClient, say: Say, patience_s: float = PATIENCE_S) -> Caught:
    """Wait until everything in the log is applied and every membership is of the catalog in force."""
    by_s = time.monotonic() + patience_s
    while time.monotonic() < by_s:
        status = await client.status()
        if status is None:
            return Caught.UNKNOWN
        behind = status["refreshed"] < status["catalog_version"] and status["users"] > 0
        if status["lag"] == 0 and not behind:
            return Caught.UP
        say(f"waiting for the workers: {status['lag']:,} events to apply{', memberships to renew' if behind else ''}")
        await asyncio.sleep(PAUSE_S)
    return Caught.NOT_YET


async def _collect(client: StackClient, events: list[Event]) -> None:
    by_s = time.monotonic() + PATIENCE_S
    while True:
        answer = await client.collect(events)
        if answer.status_code == 202 and not answer.json()["rejected"]:
            return
        if answer.status_code != 503 or time.monotonic() > by_s:
            raise CannotRun(f"the collector does not take events: {answer.status_code} {answer.text[:300]}")
        await asyncio.sleep(PAUSE_S)
