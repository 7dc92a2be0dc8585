"""What networks do to events on their way: a few come late, a few come twice."""

import heapq
from collections.abc import Iterable, Iterator
from random import Random

from services.replay.reader import Row

LATE = 0.005
TWICE = 0.003
LATEST_MS = 6 * 3_600_000
RESENT_MS = 10_000


def delivered(events: Iterable[Row], random: Random) -> Iterator[Row]:
    """The same events in the order in which they arrive, every one at least once, each with its own `ts`."""
    held: list[tuple[int, int, Row]] = []
    for number, event in enumerate(events):
        while held and held[0][0] <= event["ts"]:
            yield heapq.heappop(held)[2]
        fate = random.random()
        if fate >= LATE:
            yield event
        if fate < LATE + TWICE:
            delay_ms = random.randrange(1_000, LATEST_MS if fate < LATE else RESENT_MS)
            heapq.heappush(held, (event["ts"] + delay_ms, number, event))
    while held:
        yield heapq.heappop(held)[2]
