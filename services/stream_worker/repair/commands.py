"""What `tranche repair status`, `skip` and `rebuild` do: look, refuse where nothing is wrong, ask, and act."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from rich.console import Console

from services.runtime.clock import now_ms
from services.runtime.errors import OperatorError
from services.runtime.event_log.opening import open_offsets
from services.runtime.event_log.port import LogOffsets
from services.runtime.partition_count import agree_on_partitions
from services.runtime.redis_client import RedisClient, connect
from services.runtime.settings import Settings
from services.segmentation.wire import keys
from services.stream_worker.repair.fence import Fence
from services.stream_worker.repair.rebuild import rebuild
from services.stream_worker.repair.skip import next_offset, skip
from services.stream_worker.repair.state import PartitionState, states_of
from services.stream_worker.repair.table import table
from services.stream_worker.trouble import choices

Confirm = Callable[[str], bool]

_REDIS_TIMEOUT_S = 10.0


class NothingWrong(OperatorError):
    """The partition can go on as it is."""


class _Scene(NamedTuple):
    redis: RedisClient
    offsets: LogOffsets
    fence: Fence
    partitions: int

    async def state(self, partition: int) -> PartitionState:
        if partition >= self.partitions:
            raise OperatorError(f"there is no partition {partition}: they are numbered from 0 to {self.partitions - 1}")
        return (await states_of(self.redis, self.offsets, self.partitions))[partition]


def show_status(settings: Settings, console: Console) -> int:
    """Print a table of all partitions; the exit code, 1 where one cannot go on.

    Raises LogUnavailable, OperatorError and REDIS_ERRORS, as all do here.
    """

    async def look() -> list[PartitionState]:
        async with _scene(settings) as scene:
            return await states_of(scene.redis, scene.offsets, scene.partitions)

    states = asyncio.run(look())
    console.print(table(states))
    stopped = [state for state in states if state.why and not state.repair]
    for state in stopped:
        console.print(f"partition {state.partition}: {choices(state.partition)}", highlight=False)
    return 1 if any(state.why for state in states) else 0


def skip_partition(settings: Settings, partition: int, force: bool, confirm: Confirm, console: Console) -> int:
    async def work(scene: _Scene) -> int:
        return await skip(scene.fence, scene.offsets, partition)

    def question(state: PartitionState) -> str:
        lost = f"At most {state.missing:,} records will never be applied. " if state.missing else ""
        unread = "Records that were not applied yet are lost with it. " if state.watermark is None else ""
        where = next_offset(state.stored, state.begin, state.end)
        return f"{_told(state)} {lost}{unread}Go on at {where}, in a log from {state.begin} to {state.end}?"

    return asyncio.run(_repair(settings, partition, force, question, confirm, work, console))


def rebuild_partition(settings: Settings, partition: int, force: bool, confirm: Confirm, console: Console) -> int:
    forgotten = 0

    def count(keys_forgotten: int) -> None:
        nonlocal forgotten
        forgotten += keys_forgotten

    async def work(scene: _Scene) -> int:
        begin = await rebuild(scene.redis, scene.fence, scene.offsets, partition, count)
        console.print(f"{forgotten:,} keys are forgotten.", highlight=False)
        return begin

    def question(state: PartitionState) -> str:
        held = f"the {state.end - state.begin:,} records that the log still holds"
        return f"{_told(state)} Forget all users of the partition for good, and fold {held}? Consent and erasure stay."

    return asyncio.run(_repair(settings, partition, force, question, confirm, work, console))


async def _repair(
    settings: Settings,
    partition: int,
    force: bool,
    question: Callable[[PartitionState], str],
    confirm: Confirm,
    work: Callable[[_Scene], Awaitable[int]],
    console: Console,
) -> int:
    async with _scene(settings) as scene:
        state = await scene.state(partition)
        if state.why is None and not force:
            raise NothingWrong(f"{_told(state)} --force repairs it all the same")
        if not confirm(question(state)):
            return 1
        watermark = await work(scene)
        console.print(f"Partition {partition}: its worker goes on at {watermark} within seconds.", highlight=False)
        return 0


def _told(state: PartitionState) -> str:
    return f"Partition {state.partition}: {state.why or 'nothing is wrong with it'}."


@asynccontextmanager
async def _scene(settings: Settings) -> AsyncIterator[_Scene]:
    redis = connect(settings.redis_url, timeout_s=_REDIS_TIMEOUT_S)
    try:
        if await redis.get(keys.PARTITIONS) is None:
            raise OperatorError("no worker has ever stored anything in the Redis at TRANCHE_REDIS_URL")
        await agree_on_partitions(redis, keys.PARTITIONS, settings.partitions)
        offsets = await open_offsets(settings)
        try:
            yield _Scene(redis, offsets, Fence(redis, now_ms), settings.partitions)
        finally:
            await offsets.close()
    finally:
        await redis.aclose()
