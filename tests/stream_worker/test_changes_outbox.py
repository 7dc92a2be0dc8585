"""What waits to be published: bounded, in order, and one partition never in the way of another or of the events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from services.runtime.clock import now_ms
from services.runtime.event_log.port import DeadLetter, LogUnavailable, Message
from services.segmentation.keep import KEEP_ALL
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.changes import unpack_changes
from services.stream_worker.book import Published
from services.stream_worker.outbox import ENTRIES_AT_ONCE, PARTITIONS_AT_ONCE, RETRY_MS, Publisher
from services.stream_worker.store import Opened, UserStore
from services.stream_worker.telling import Telling, Tells
from tests.stream_worker.scene import PARTITIONS, until
from tests.stream_worker.states import catalog_of, redis_at, view
from tests.stream_worker.telling_scene import PARTITION, TellingScene, a_change, once, told, users_of

HOUR_MS = 3_600_000
EVER = catalog_of("count('view') >= 1")


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[TellingScene]:
    async with redis_at(clean_redis_url) as redis:
        yield TellingScene(redis)


class Gone:
    """A changes log that takes nothing."""

    calls = 0

    async def append(self, messages: Sequence[Message]) -> None:
        self.calls += 1
        raise LogUnavailable(f"{len(messages)} changes")

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        raise NotImplementedError

    async def close(self) -> None: ...


class Hanging(Gone):
    """A changes log that never answers."""

    async def append(self, messages: Sequence[Message]) -> None:
        self.calls += 1
        await asyncio.Event().wait()
        raise LogUnavailable(f"{len(messages)} changes")


async def test_what_cannot_be_published_waits_and_then_comes_in_order(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.stream_worker.book.MAX_WAITING", 30)
    catalog, real = catalog_of("count('view') in [1, 3, 5, 7, 9]"), scene.changes_writer
    await scene.put(catalog)
    scene.changes_writer = Gone()
    async with scene.working(catalog) as worker:
        for number in range(10):
            await scene.send([view(number * 20 + user, f"u-{user}", now_ms()) for user in range(20)])
            await asyncio.sleep(0.02)
        await until(lambda: is_so(worker.failing is not None and "cannot be published" in worker.failing))
        assert not await scene.is_applied()
    assert 30 <= await waiting(scene) == await held(scene)
    scene.changes_writer = real
    async with scene.working(catalog):
        await until(lambda: told(scene, 200))
        await until(lambda: nothing_waits(scene))
    for user in range(20):
        mine = [each.change for each in await once(scene) if each.user_id == f"u-{user}"]
        assert mine == ["entered", "left"] * 5


async def test_a_changes_log_that_never_answers_holds_up_no_event(scene: TellingScene) -> None:
    await scene.put(EVER)
    scene.changes_writer = hanging = Hanging()
    before = len(asyncio.all_tasks())
    async with scene.working(EVER):
        for number in range(5):
            await scene.send([view(number, f"u-{number}", now_ms())])
            async with asyncio.timeout(2):
                await until(scene.is_applied)
    assert 1 <= hanging.calls <= PARTITIONS
    assert await waiting(scene) == 5
    assert len(asyncio.all_tasks()) == before


async def test_what_failed_is_tried_again_after_a_while(scene: TellingScene) -> None:
    await scene.put(EVER)
    scene.changes_writer = gone = Gone()
    async with scene.working(EVER):
        await scene.send([view(user, f"u-{user}", now_ms()) for user in range(20)])
        await until(lambda: is_so(gone.calls > PARTITIONS))
        begun_s, calls = asyncio.get_running_loop().time(), gone.calls
        await asyncio.sleep(RETRY_MS / 1000)
        tries = 2 + (asyncio.get_running_loop().time() - begun_s) * 1000 / RETRY_MS
    assert gone.calls - calls <= tries * PARTITIONS


async def test_the_pass_and_the_passing_of_time_fill_no_outbox_that_is_full(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.stream_worker.book.MAX_WAITING", 10)
    monkeypatch.setattr("services.stream_worker.store.MAX_USERS", 100)
    catalog = catalog_of("count('view', within='1h') >= 1")
    await scene.put(catalog)
    scene.telling = False
    async with scene.working(catalog):
        over_ms = now_ms() - HOUR_MS + 1_000
        await scene.send([view(user, f"u-{user}", over_ms) for user in range(600)])
        await until(scene.is_applied)
    scene.telling, scene.changes_writer = True, Gone()
    async with scene.working(catalog):
        await until(lambda: waits(scene, 2))
        await until(lambda: is_so(now_ms() > over_ms + HOUR_MS + 200))
    assert await waiting(scene) <= 300  # what one script tells in each partition, of some hundred users


async def test_an_entry_that_cannot_be_read_holds_up_only_its_own_partition(
    scene: TellingScene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.put(EVER)
    bad, good = 0, 1
    async with scene.working(EVER):
        await scene.send([view(1, users_of(bad)[0], now_ms()), view(2, users_of(good)[0], now_ms())])
        await until(lambda: told(scene, 2))
        await until(lambda: nothing_waits(scene))
    await scene.redis.xadd(keys.outbox(bad), {"number": 1, "changes": b"\x91\x09"})
    await scene.redis.hincrby(keys.telling(bad), "waiting", 1)
    async with scene.working(EVER):
        await scene.send([view(3, users_of(bad)[1], now_ms()), view(4, users_of(good)[1], now_ms())])
        await until(lambda: told(scene, 3))
        await until(scene.is_applied)
        assert await scene.redis.xlen(keys.outbox(bad)) == 2
    assert "changes cannot be published: ['UnknownCodec']" in caplog.text


async def test_a_partition_in_which_time_cannot_be_told_holds_up_no_other(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, find, look = catalog_of("count('view', within='1h') >= 1"), UserStore.due, UserStore.open
    opened: list[int] = []

    async def open_it(store: UserStore, partition: int) -> Opened:
        opened.append(partition)
        return await look(store, partition)

    async def due(store: UserStore, partition: int, count: int) -> list[tuple[str, int]]:
        if partition == 0:
            raise ValueError("secret")
        return await find(store, partition, count)

    monkeypatch.setattr(UserStore, "due", due)
    monkeypatch.setattr(UserStore, "open", open_it)
    await scene.put(catalog)
    async with scene.working(catalog) as worker:
        soon_ms = now_ms() - HOUR_MS + 300
        await scene.send([view(partition, users_of(partition)[0], soon_ms) for partition in (0, 1)])
        await until(lambda: told(scene, 3))
        assert "ValueError" in str(worker.failing)
    assert opened.count(1) == 1 < opened.count(0)


async def test_a_few_entries_of_a_few_partitions_are_held_at_once(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def unpack(data: bytes) -> Sequence[tuple[str, bytes]]:
        read.append(len(data))
        return unpack_changes(data)

    monkeypatch.setattr("services.stream_worker.store.unpack_changes", unpack)
    positions = dict.fromkeys(range(2 * PARTITIONS_AT_ONCE), 0)
    store, writer = await filled(scene, positions), Hanging()
    publisher = Publisher(store, writer, nothing_waits_for_the_log, scene.metrics, now_ms)
    publisher.go_on(positions)
    await until(lambda: is_so(writer.calls == PARTITIONS_AT_ONCE))
    await asyncio.sleep(0.05)
    publisher.go_on(positions)
    await publisher.close()
    assert len(read) == PARTITIONS_AT_ONCE * ENTRIES_AT_ONCE

    publisher = Publisher(store, scene.changes_writer, nothing_waits_for_the_log, scene.metrics, now_ms)
    publisher.go_on(positions)
    await until(lambda: is_so(not any(store.book(each).unpublished for each in positions)))
    assert store.book(1).published == [Published(entry.id, 1) for entry in await store.outbox(1, None, 100)]


def nothing_waits_for_the_log(partition: int) -> bool:
    return partition < 0


async def filled(scene: TellingScene, positions: dict[int, int]) -> UserStore:
    """A store with more in each outbox than is published at once."""
    store = UserStore(scene.redis, now_ms, tells=True)
    for partition in positions:
        await store.open(partition)
        for number in range(ENTRIES_AT_ONCE + 2):
            assert await store.apply(partition, 0, 0, [a_change(f"u-{number}", EVER)])
    return store


async def test_the_age_of_what_waits_is_known_after_a_restart_too(scene: TellingScene) -> None:
    await scene.put(EVER)
    scene.changes_writer = Gone()
    async with scene.working(EVER):
        await scene.send([view(1, "u-1", now_ms())])
        await until(lambda: waits(scene, 1))
    begun_ms = now_ms() - 1
    async with scene.working(EVER):
        await until(lambda: is_so(outbox_age_ms(scene) > 0))
        age_ms = outbox_age_ms(scene)
    assert age_ms < now_ms() - begun_ms + 2_000


async def test_of_what_was_not_read_yet_the_age_is_not_known(scene: TellingScene) -> None:
    await filled(scene, {PARTITION: 0})
    store = UserStore(scene.redis, now_ms, tells=True)
    await store.open(PARTITION)
    book = store.book(PARTITION)
    assert (book.unpublished, book.since_ms) == (ENTRIES_AT_ONCE + 2, None)


async def test_time_is_told_up_to_what_is_settled_and_a_grace(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, int] = {}
    store = UserStore(scene.redis, now_ms, tells=True)
    await store.open(PARTITION)
    waits: set[int] = set()
    tells = Tells(Gone(), scene.changes_tail, grace_ms=1_000)
    telling = Telling(store, KEEP_ALL, TimeZones(), tells, seen.get, waits.__contains__, lambda: 40_000)
    assert telling.settled_ms(PARTITION) is None
    seen[PARTITION] = 30_000
    assert telling.settled_ms(PARTITION) == 29_000
    telling.applied(PARTITION, 35_000)
    assert telling.settled_ms(PARTITION) == 34_000
    seen[PARTITION] = 50_000
    assert telling.settled_ms(PARTITION) == 39_000
    waits.add(PARTITION)
    assert telling.settled_ms(PARTITION) is None
    waits.clear()
    monkeypatch.setattr("services.stream_worker.book.MAX_WAITING", 0)
    assert telling.settled_ms(PARTITION) is None


async def test_who_lost_a_partition_removes_nothing_from_its_outbox(scene: TellingScene) -> None:
    zombie, owner = (UserStore(scene.redis, now_ms, tells=True) for _ in range(2))
    for store in (zombie, owner):
        await store.open(PARTITION)
    assert await zombie.apply(PARTITION, 0, 1, [a_change("u-1", EVER)])
    [entry] = await zombie.outbox(PARTITION, None, 10)
    await owner.open(PARTITION)
    assert await owner.apply(PARTITION, 1, 2, [a_change("u-2", EVER)])
    zombie.book(PARTITION).publish([entry])
    assert not await zombie.apply(PARTITION, 2, 2, [])
    assert len(await owner.outbox(PARTITION, None, 10)) == 2
    owner.book(PARTITION).publish(await owner.outbox(PARTITION, None, 1))
    assert await owner.apply(PARTITION, 2, 2, [])
    assert [user for [user, _] in [each.changes[0] for each in await owner.outbox(PARTITION, None, 10)]] == ["u-2"]
    assert (await scene.redis.hget("{p01}:telling", "waiting"), owner.book(PARTITION).waiting) == (b"1", 1)


def outbox_age_ms(scene: TellingScene) -> float:
    [metric] = scene.metrics.outbox_seconds.collect()
    return metric.samples[0].value * 1000


async def waiting(scene: TellingScene) -> int:
    """How many changes the outboxes are said to hold."""
    found = [await cast("Any", scene.redis.hget(keys.telling(each), "waiting")) for each in range(PARTITIONS)]
    return sum(int(each or 0) for each in found)


async def held(scene: TellingScene) -> int:
    """How many they do hold."""
    store = UserStore(scene.redis, now_ms)
    return sum([len(entry.changes) for each in range(PARTITIONS) for entry in await store.outbox(each, None, 1_000)])


async def waits(scene: TellingScene, number: int) -> bool:
    return await waiting(scene) >= number


async def nothing_waits(scene: TellingScene) -> bool:
    return await waiting(scene) == 0


async def is_so(condition: bool) -> bool:
    return condition
