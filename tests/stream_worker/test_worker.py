"""The worker's loop in this process, on a real Redis and the embedded log."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.at_work import _stop_process
from services.runtime.metrics import WorkerMetrics
from services.segmentation.catalog import Catalog
from services.segmentation.engine import UserState, step
from services.segmentation.events import Fact
from services.segmentation.membership import judge
from services.segmentation.partitions import partition_of
from services.segmentation.wheel import HOUR_MS
from services.segmentation.wire import keys
from services.stream_worker.store import UserStore
from services.stream_worker.worker import AT_ONCE, Worker
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working
from tests.stream_worker.states import catalog_of, redis_at
from tests.support.ports import free_ports


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


async def test_few_users_are_in_memory_at_once_however_many_partitions_have_something_to_apply(
    clean_redis_url: str,
) -> None:
    async with redis_at(clean_redis_url) as redis:
        scene, store = Scene(redis, partitions=3 * AT_ONCE), _Watched(redis, lambda: 0)
        await scene.put(catalog_of("count('view') == 1"))
        await scene.send(1, USERS[:140])
        async with working(scene.worker(scene.catalog(), store=store)):
            await until(scene.is_applied)
        assert store.most_at_once == AT_ONCE


class _Watched(UserStore):
    """Counts the partitions of which users are read."""

    at_once = most_at_once = 0

    async def load(self, partition: int, members: Sequence[str]) -> list[UserState]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().load(partition, members)
        finally:
            self.at_once -= 1


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
            await until(lambda: has_failed(metrics, 2 * PARTITIONS))
            assert worker.failing == "RedisClusterException"


def test_the_process_ends_without_telling_what_the_worker_stumbled_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    asyncio.run(ended_with(ValueError("ann@example.com")))
    assert raised == [signal.SIGTERM]
    assert "the worker cannot go on: ValueError" in caplog.text
    assert "ann@example.com" not in "".join(record.getMessage() for record in caplog.records)


async def ended_with(error: Exception) -> None:
    async def fail() -> None:
        raise error

    working = asyncio.create_task(fail())
    await asyncio.wait({working})
    _stop_process("worker", asyncio.Event(), working)


async def is_failing(worker: Worker, error: str) -> bool:
    return worker.failing == error


async def has_failed(metrics: WorkerMetrics, times: int) -> bool:
    return bool(metrics.failed_turns._value.get() >= times)


def place(user: str) -> tuple[int, str]:
    return partition_of(user, PARTITIONS), f"default:{user}"


async def edited_after_one_event_each(scene: Scene) -> Catalog:
    """Apply an event of every user, then edit the catalog; returns the edited one, which no worker has seen."""
    await scene.put(catalog_of("count('view') == 1"))
    await scene.send(1, USERS)
    async with working(scene.worker(scene.catalog())):
        await until(scene.is_applied)
    newest = catalog_of("count('view') == 1", "count('view') == 2")
    await scene.put(newest)
    return newest


async def test_what_nobody_foresaw_stops_its_partition_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cursed, other = place(USERS[0]), 1 - place(USERS[0])[0]

    def poisoned(state: UserState, facts: Iterable[Fact], *more: Any) -> UserState:
        facts = list(facts)
        if any(fact.user_id == USERS[0] for fact in facts):
            raise ZeroDivisionError(USERS[0])
        return step(state, facts, *more)

    monkeypatch.setattr("services.stream_worker.worker.step", poisoned)
    worker = scene.worker(scene.catalog())
    async with working(worker):
        await scene.send(1, USERS)
        await until(lambda: scene.has_applied(other))
        await until(lambda: is_failing(worker, "ZeroDivisionError"))
        assert not await scene.has_applied(cursed[0])
        monkeypatch.undo()
        await until(scene.is_applied)
    assert await scene.counts() == {1}
    assert USERS[0] not in caplog.text
