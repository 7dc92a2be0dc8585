"""Redis loses what was told while the changes log has it: consumers end where the oracle is, edited or not."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from services.runtime.clock import now_ms
from services.runtime.event_log.port import LogUnavailable, Message
from services.runtime.event_log.tail import LogTail, Stretch
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire.changes import pack_changes, unpack_changes
from services.stream_worker.store import UserStore
from services.stream_worker.telling import Telling, Tells
from tests.stream_worker.scene import PARTITIONS, until
from tests.stream_worker.states import catalog_of, redis_at, view
from tests.stream_worker.telling_scene import PARTITION, TellingScene, once, told
from tests.stream_worker.test_changes_outbox import Gone
from tests.support.event_logs import KafkaTopics

USERS = [f"u-{number}" for number in range(12)]
ONE = catalog_of("count('view') >= 1")
TWO = ONE.put("s-0", SegmentDefinition(name="two", rule="count('view') >= 2"), KEEP_ALL)


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[TellingScene]:
    async with redis_at(clean_redis_url) as redis:
        yield TellingScene(redis)


@pytest.fixture(params=["embedded", "kafka"])
def changes(request: pytest.FixtureRequest) -> KafkaTopics | None:
    is_kafka = request.param == "kafka"
    return KafkaTopics(request.getfixturevalue("kafka_bootstrap"), PARTITIONS) if is_kafka else None


@pytest.fixture
async def on_both(clean_redis_url: str, changes: KafkaTopics | None) -> AsyncIterator[TellingScene]:
    """Whichever log the changes are on."""
    async with redis_at(clean_redis_url) as redis:
        if changes:
            await changes.create()
        yield TellingScene(redis, changes)
        if changes:
            await changes.close()


class Unheard:
    """A changes log that can be written and, as long as it is `away`, not be read."""

    def __init__(self, tail: LogTail) -> None:
        self._tail, self.away = tail, True

    async def ends(self) -> Mapping[int, int]:
        if self.away:
            raise LogUnavailable("simulated")
        return await self._tail.ends()

    async def read(self, stretches: Mapping[int, tuple[int, int]], max_records: int) -> Mapping[int, Stretch]:
        return await self._tail.read(stretches, max_records)

    async def close(self) -> None: ...


async def told_and_lost(scene: TellingScene) -> None:
    """Everybody has viewed a page, and was told of; then Redis is as it was before."""
    await scene.put(ONE)
    async with scene.working(ONE):
        await scene.send([view(0, "u-0", now_ms())])
        await until(lambda: told(scene, 1))
        await until(scene.is_published)
    dump = await scene.dump()
    async with scene.working(ONE):
        await scene.send([view(number, user, now_ms()) for number, user in enumerate(USERS)])
        await until(lambda: told(scene, len(USERS)))
    await scene.restore(dump)


async def begin_again(scene: TellingScene, catalog: Catalog) -> list[tuple[str, str, str]]:
    """What consumers are told then, by user."""
    before = {each.id for each in await once(scene)}
    await scene.put(catalog)
    async with scene.working(catalog):
        await until(scene.is_applied)
        await until(scene.is_quiet)
    return sorted((each.user_id, each.change, each.cause) for each in await once(scene) if each.id not in before)


async def test_where_nothing_was_edited_nothing_is_told_again(on_both: TellingScene) -> None:
    await told_and_lost(on_both)
    before = len(await on_both.published())
    assert await begin_again(on_both, ONE) == []
    assert len(await on_both.published()) == before


async def test_what_waited_to_be_published_when_redis_went_back_and_was_published_is_not_published_again(
    on_both: TellingScene,
) -> None:
    await on_both.put(ONE)
    real, on_both.changes_writer = on_both.changes_writer, Gone()
    async with on_both.working(ONE):
        await on_both.send([view(number, user, now_ms()) for number, user in enumerate(USERS)])
        await until(on_both.is_applied)
    dump, on_both.changes_writer = await on_both.dump(), real
    async with on_both.working(ONE):
        await until(on_both.is_published)
    await on_both.restore(dump)
    async with on_both.working(ONE):
        await until(on_both.is_published)
    assert len(await on_both.published()) == len(USERS)


@pytest.mark.parametrize("everything", [False, True])
async def test_what_an_edit_has_made_wrong_is_taken_back(on_both: TellingScene, everything: bool) -> None:
    await told_and_lost(on_both)
    if everything:
        await on_both.restore([])
    known = [] if everything else USERS[:1]
    causes = {user: "edit" if user in known else "correction" for user in USERS}
    assert await begin_again(on_both, TWO) == sorted((user, "left", cause) for user, cause in causes.items())


async def test_nothing_is_told_before_what_was_told_is_known(scene: TellingScene) -> None:
    await told_and_lost(scene)
    scene.changes_tail = unheard = Unheard(scene.changes_tail)
    async with scene.working(TWO):
        await asyncio.sleep(0.6)
        assert not await scene.is_applied()
        unheard.away = False
        await until(scene.is_applied)


async def test_a_changes_log_that_cannot_be_read_holds_up_no_event_for_long_and_is_taken_account_of_later(
    scene: TellingScene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.stream_worker.listener.PATIENCE_S", 0.2)
    await told_and_lost(scene)
    await scene.put(TWO)
    scene.changes_tail = unheard = Unheard(scene.changes_tail)
    async with scene.working(TWO):
        await until(scene.is_applied)
        assert "the changes log cannot be read: LogUnavailable" in caplog.text
        unheard.away = False
        await until(lambda: told(scene, 2 * len(USERS)))
    assert await inside(scene) == set()


async def inside(scene: TellingScene) -> set[str]:
    """Whom a consumer believes to be in the segment."""
    return {
        user
        for user, change in {each.user_id: each.change for each in await once(scene)}.items()
        if change == "entered"
    }


async def test_consumers_are_put_right_only_once_everything_is_applied_again(scene: TellingScene) -> None:
    applied_ms, clock = {PARTITION: 50_000}, [60_000]
    store = UserStore(scene.redis, lambda: clock[0], tells=True)
    await store.open(PARTITION)
    tells = Tells(scene.changes_writer, scene.changes_tail, grace_ms=0)
    telling = Telling(store, KEEP_ALL, TimeZones(), tells, applied_ms.get, lambda _partition: False, lambda: clock[0])
    assert (telling.is_caught_up(PARTITION), telling.settled_ms(PARTITION)) == (True, 50_000)
    store.book(PARTITION).ear.ahead_ms = 55_000
    assert (telling.is_caught_up(PARTITION), telling.settled_ms(PARTITION)) == (False, None)
    applied_ms[PARTITION] = 55_001
    assert telling.is_caught_up(PARTITION)
    clock[0], applied_ms[PARTITION] = 40_000, 39_000  # it was put back
    assert not telling.is_caught_up(PARTITION)
    applied_ms[PARTITION] = 40_001
    assert telling.is_caught_up(PARTITION)


async def test_what_is_published_late_by_somebody_whose_time_is_lost_is_taken_back(scene: TellingScene) -> None:
    """Also of a user of whom there is no record."""
    await scene.put(ONE)
    async with scene.working(ONE):
        await scene.send([view(0, "u-0", now_ms())])
        await until(lambda: told(scene, 1))
        [change] = await once(scene)
        late = [
            change._replace(id="0" * 32, change="left"),
            change._replace(id="1" * 32, user_id="u-1"),
            change._replace(id="2" * 32, user_id="u-1", segment="gone"),
        ]
        for number, each in enumerate(late, 1):
            [(user, value)] = unpack_changes(pack_changes([each], "a zombie", number))
            await scene.changes_writer.append([Message(partition_of(user, PARTITIONS), user.encode(), value)])
        await until(lambda: told(scene, 4 + 3))
        await until(scene.is_quiet)
    found = {(each.user_id, each.segment): (each.change, each.cause) for each in await once(scene)}
    assert found == {
        ("u-0", "s-0"): ("entered", "correction"),
        ("u-1", "s-0"): ("left", "correction"),
        ("u-1", "gone"): ("left", "correction"),
    }
