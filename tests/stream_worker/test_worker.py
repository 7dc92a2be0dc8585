"""The worker's loop in this process, on a real Redis and the embedded log."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.port import LogTrimmed, Message
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import RedisClient
from services.runtime.watched import WatchedValue
from services.segment_api.sizes import SegmentSizes
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState
from services.segmentation.events import encode_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import judge
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wheel import HOUR_MS
from services.segmentation.wire import keys
from services.segmentation.wire.sizes import decode_turn
from services.stream_worker.app import _stop_process
from services.stream_worker.cache import StateCache
from services.stream_worker.store import UserStore
from services.stream_worker.worker import Worker
from tests.stream_worker.states import catalog_of, redis_at, view
from tests.support.ports import free_ports

PARTITIONS = 2
USERS = [f"u-{number}" for number in range(600)]


class Scene:
    """A log with one worker or more, and what they make of it."""

    def __init__(self, redis: RedisClient) -> None:
        self.redis, self.now_ms = redis, 0
        self._writer = EmbeddedWriter(redis)

    async def put(self, catalog: Catalog) -> None:
        await self.redis.hset(keys.CATALOG, mapping={"version": catalog.version, "document": catalog.encode()})

    async def send(self, number: int, users: list[str]) -> None:
        events = [view(number, user) for user in users]
        await self._writer.append(
            [Message(partition_of(each.user_id, PARTITIONS), b"k", encode_event(each)) for each in events]
        )

    async def append(self, partition: int, value: bytes) -> None:
        await self._writer.append([Message(partition, b"k", value)])

    def catalog(self) -> WatchedValue[Catalog]:
        """Looks again only when it is told to."""
        return WatchedValue(self.redis, keys.CATALOG, Catalog.decode, Catalog())

    def worker(self, catalog: WatchedValue[Catalog], metrics: WorkerMetrics | None = None) -> Worker:
        return Worker(
            EmbeddedReader(self.redis, range(PARTITIONS)),
            self._writer,
            UserStore(self.redis, lambda: self.now_ms),
            StateCache(10_000),
            catalog,
            KEEP_ALL,
            TimeZones(),
            PARTITIONS,
            150,
            metrics or WorkerMetrics(CollectorRegistry()),
            lambda: self.now_ms,
        )

    async def states(self) -> dict[str, UserState]:
        found: dict[str, UserState] = {}
        for partition in range(PARTITIONS):
            here = [user for user in USERS if partition_of(user, PARTITIONS) == partition]
            states = await UserStore(self.redis, lambda: self.now_ms).load(
                partition, [f"default:{user}" for user in here]
            )
            found.update(zip(here, states, strict=True))
        return found

    async def counts(self) -> set[int]:
        """The numbers of events that users have."""
        found = (await self.states()).values()
        return {len(state.profile.types["view"].entries) if state.profile else 0 for state in found}

    async def versions(self) -> set[int]:
        """The catalog versions of all memberships."""
        return {
            state.membership.catalog_version if state.membership else -1 for state in (await self.states()).values()
        }

    async def size(self, at_ms: int) -> int:
        """Of the first segment."""
        return (await SegmentSizes(self.redis, PARTITIONS).now("default", at_ms)).get(0, 0)

    async def counts_are_turned(self, now_ms: int) -> bool:
        turns = [await self.redis.get(keys.turn(partition)) for partition in range(PARTITIONS)]
        return all(isinstance(turn, bytes) and decode_turn(turn)[1].due_ms > now_ms for turn in turns)

    async def has_applied(self, partition: int) -> bool:
        ends = await EmbeddedOffsets(self.redis, PARTITIONS).ends()
        return int(await self.redis.get(keys.watermark(partition)) or 0) == ends[partition]

    async def is_applied(self) -> bool:
        return all([await self.has_applied(partition) for partition in range(PARTITIONS)])

    async def is_refreshed(self, catalog: Catalog, partitions: Iterable[int] = range(PARTITIONS)) -> bool:
        return all(
            [int(await self.redis.get(keys.refreshed(partition)) or 0) == catalog.version for partition in partitions]
        )


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[Scene]:
    async with redis_at(clean_redis_url) as redis:
        yield Scene(redis)


async def test_users_who_are_seen_during_the_pass_end_up_right_like_all_others(scene: Scene) -> None:
    await scene.put(catalog_of("count('view') == 1"))
    catalog = scene.catalog()
    async with working(scene.worker(catalog)):
        await scene.send(1, USERS)
        await until(scene.is_applied)
        newest = catalog_of("count('view') == 1", "count('view') == 2", "count('view') == 3")
        await scene.put(newest)
        await catalog.refresh()
        for begin in range(0, len(USERS), 40):
            await scene.send(2, USERS[begin : begin + 40])
        await until(scene.is_applied)
        await until(lambda: scene.is_refreshed(newest))
    for user, state in (await scene.states()).items():
        assert state.profile is not None
        assert state.membership is not None
        spans = judge(state.profile, newest, UTC).spans
        assert [span.ordinal for span in state.membership.spans] == [span.ordinal for span in spans] == [1], user


async def test_as_time_goes_on_what_is_over_is_counted_as_such(scene: Scene) -> None:
    await scene.put(catalog_of("count('view', within='1h') >= 1"))
    catalog = scene.catalog()
    await catalog.refresh()
    async with working(scene.worker(catalog)):
        await scene.send(1, USERS)
        await until(scene.is_applied)
        assert await scene.size(1_000) == len(USERS)
        scene.now_ms = 2 * HOUR_MS
        await until(lambda: scene.counts_are_turned(scene.now_ms))
        assert await scene.size(scene.now_ms) == 0
    assert [await scene.redis.exists(keys.sizes(partition)) for partition in range(PARTITIONS)] == [0, 0]


async def test_a_worker_that_was_replaced_meanwhile_writes_nothing_from_what_it_believes(scene: Scene) -> None:
    await scene.put(catalog_of("count('view') == 3"))
    metrics = WorkerMetrics(CollectorRegistry())
    zombie, successor = scene.worker(scene.catalog(), metrics), scene.worker(scene.catalog())
    for number, worker in enumerate((zombie, successor, zombie)):
        async with working(worker):
            await scene.send(number, USERS)
            await until(scene.is_applied)
    assert await scene.counts() == {3}
    assert metrics.refused._value.get() == PARTITIONS


async def test_a_new_owner_never_falls_behind_the_catalog_that_the_last_one_reached(scene: Scene) -> None:
    newest = catalog_of("count('view') == 1", "count('view') == 2")
    await scene.put(newest)
    for partition in range(PARTITIONS):
        await scene.redis.set(keys.refreshed(partition), newest.version)
    never_looked = scene.catalog()
    async with working(scene.worker(never_looked)):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    assert await scene.versions() == {newest.version}


async def test_a_membership_that_cannot_be_read_is_made_anew(scene: Scene) -> None:
    newest = await edited_after_one_event_each(scene)
    seen, unseen = USERS[:2]
    for user in (seen, unseen):
        await scene.redis.set(keys.membership(*place(user)), "garbage")
    await scene.send(2, [seen])
    catalog = scene.catalog()
    await catalog.refresh()
    async with working(scene.worker(catalog)):
        await until(scene.is_applied)
        await until(lambda: scene.is_refreshed(newest))
    states = await scene.states()
    found = [membership.spans for user in (seen, unseen) if (membership := states[user].membership)]
    assert [[span.ordinal for span in spans] for spans in found] == [[1], [0]]


async def test_a_profile_that_cannot_be_read_stops_its_partition_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    newest = await edited_after_one_event_each(scene)
    damaged, other = place(USERS[0]), 1 - place(USERS[0])[0]
    kept = await scene.redis.get(keys.profile(*damaged))
    await scene.redis.set(keys.profile(*damaged), "garbage")
    catalog = scene.catalog()
    await catalog.refresh()
    worker = scene.worker(catalog)
    async with working(worker):
        await scene.send(2, USERS)
        await until(lambda: scene.has_applied(other))
        await until(lambda: scene.is_refreshed(newest, [other]))
        assert worker.failing == "UnreadableProfile"
        assert not await scene.has_applied(damaged[0])
        assert kept is not None
        await scene.redis.set(keys.profile(*damaged), kept)
        await until(scene.is_applied)
        await until(lambda: scene.is_refreshed(newest))
    assert await scene.counts() == {2}
    assert f"a profile of partition {damaged[0]} cannot be read" in caplog.text
    assert "u-0" not in caplog.text


async def test_the_pass_goes_on_past_a_profile_that_cannot_be_read(scene: Scene) -> None:
    newest = await edited_after_one_event_each(scene)
    damaged = next(place(user) for user in USERS if place(user)[0] == 0)  # the partition whose turn comes first
    await scene.redis.set(keys.profile(*damaged), "garbage")
    catalog = scene.catalog()
    await catalog.refresh()
    worker = scene.worker(catalog)
    async with working(worker):
        await until(lambda: scene.is_refreshed(newest, [1]))
        await until(lambda: is_failing(worker, "UnreadableProfile"))
        assert not await scene.is_refreshed(newest, [0])


async def test_what_is_put_aside_is_not_put_aside_again_and_again(scene: Scene) -> None:
    user = USERS[0]
    await scene.redis.set(keys.profile(*place(user)), "garbage")
    await scene.send(1, [user])
    await scene.append(place(user)[0], b"nobody can read this")
    metrics = WorkerMetrics(CollectorRegistry())
    async with working(scene.worker(scene.catalog(), metrics)):
        await until(lambda: has_failed(metrics, 2))
        assert metrics.dead_letters._value.get() == 0
        await scene.redis.delete(keys.profile(*place(user)))
        await until(scene.is_applied)
    assert metrics.dead_letters._value.get() == 1


async def test_a_cluster_that_is_away_is_waited_for(scene: Scene) -> None:
    (port,) = free_ports(0)
    async with redis_at(f"redis+cluster://127.0.0.1:{port}") as away:
        metrics = WorkerMetrics(CollectorRegistry())
        worker = Scene(away).worker(scene.catalog(), metrics)
        async with working(worker):
            await until(lambda: has_failed(metrics, 2))
            assert worker.failing == "RedisClusterException"


def test_the_process_ends_without_telling_what_the_worker_stumbled_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    for error in (ValueError("ann@example.com"), LogTrimmed("partition 3: offset 7 is next")):
        asyncio.run(ended_with(error))
    assert raised == [signal.SIGTERM] * 2
    assert "the worker cannot go on: ValueError" in caplog.text
    assert "the worker cannot go on: partition 3: offset 7 is next" in caplog.text
    assert "ann@example.com" not in "".join(record.getMessage() for record in caplog.records)


async def ended_with(error: Exception) -> None:
    async def fail() -> None:
        raise error

    working = asyncio.create_task(fail())
    await asyncio.wait({working})
    _stop_process(asyncio.Event(), working)


async def is_failing(worker: Worker, error: str) -> bool:
    return worker.failing == error


async def has_failed(metrics: WorkerMetrics, times: int) -> bool:
    return bool(metrics.failed_turns._value.get() >= times)


def place(user: str) -> tuple[int, str]:
    return partition_of(user, PARTITIONS), f"default:{user}"


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


async def edited_after_one_event_each(scene: Scene) -> Catalog:
    """Apply an event of every user, then edit the catalog; returns the edited one, which no worker has seen."""
    await scene.put(catalog_of("count('view') == 1"))
    await scene.send(1, USERS)
    async with working(scene.worker(scene.catalog())):
        await until(scene.is_applied)
    newest = catalog_of("count('view') == 1", "count('view') == 2")
    await scene.put(newest)
    return newest


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what it waits for is in Redis
            await asyncio.sleep(0.01)
