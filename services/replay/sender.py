"""Posts recorded events to the collector in batches: fast, and in order for every user.

Users are dealt out to a few lanes, and each lane has one request in flight: so one user's events arrive in
the order of the file while the next request is being prepared.
"""

import asyncio
from collections.abc import Iterable, Sequence
from zlib import crc32

import orjson

from services.replay.counts import Counts
from services.replay.delivery import Delivery
from services.replay.pacing import Pacer
from services.replay.reader import BadRow, Row

BATCH = 500  # the most that the collector takes in one request
LANES = 2
WAITING_BATCHES = 2


async def send(rows: Iterable[Row | BadRow], delivery: Delivery, counts: Counts, pacer: Pacer) -> None:
    """Send every event when `pacer` says that it is due; return when the collector has answered for all of them.

    `counts` is kept up to date all along. Raises GaveUp when the collector does not take the events, and what
    reading `rows` raises.
    """
    open_lanes = [_Lane(delivery, counts) for _ in range(LANES)]
    try:
        async with asyncio.TaskGroup() as group:
            for lane in open_lanes:
                group.create_task(lane.run())
            await _deal(rows, open_lanes, counts, pacer)
            for lane in open_lanes:
                await lane.finish()
    except ExceptionGroup as group_error:  # the first trouble ended the others: it is the one to tell
        raise group_error.exceptions[0] from None


async def _deal(rows: Iterable[Row | BadRow], lanes: Sequence["_Lane"], counts: Counts, pacer: Pacer) -> None:
    for number, row in enumerate(rows):
        if number % BATCH == 0:
            await asyncio.sleep(0)  # reading never waits, so the lanes and the display need a turn
        if isinstance(row, BadRow):
            counts.note_bad_row(row)
            continue
        counts.note_event(row)
        await _wait_until_due(row, lanes, pacer)
        await lanes[crc32(row["user_id"].encode()) % len(lanes)].add(orjson.dumps(pacer.shifted(row)))


async def _wait_until_due(event: Row, lanes: Sequence["_Lane"], pacer: Pacer) -> None:
    wait_s = pacer.wait_s(event.get("ts"))
    if wait_s:
        for lane in lanes:
            await lane.flush()
        await asyncio.sleep(wait_s)


class _Lane:
    """Batches some users' events and posts the batches one after the other."""

    def __init__(self, delivery: Delivery, counts: Counts) -> None:
        self._delivery = delivery
        self._counts = counts
        self._batch: list[bytes] = []
        self._queue: asyncio.Queue[list[bytes]] = asyncio.Queue(WAITING_BATCHES)

    async def add(self, event: bytes) -> None:
        self._batch.append(event)
        if len(self._batch) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            await self._queue.put(batch)

    async def finish(self) -> None:
        await self.flush()
        await self._queue.put([])

    async def run(self) -> None:
        while batch := await self._queue.get():
            answer = await self._delivery.post(batch)
            self._counts.note_answer(answer.accepted, answer.rejections)
