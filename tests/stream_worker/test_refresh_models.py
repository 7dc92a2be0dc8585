"""The background pass while models are published again and again: newer snapshots reach everybody all the same."""

from collections.abc import AsyncIterator, Sequence

import pytest

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KEEP_ALL
from services.segmentation.time_zones import TimeZones
from services.stream_worker.cache import StateCache
from services.stream_worker.pace import Pace
from services.stream_worker.refresh import PARTITIONS_A_TURN, Refresher
from services.stream_worker.store import MAX_USERS, UserStore
from services.stream_worker.write import Walk
from tests.stream_worker.models import definition, published, store_snapshot, with_models
from tests.stream_worker.owner import some
from tests.stream_worker.scene import USERS as SCENE_USERS
from tests.stream_worker.scene import Scene, until, working
from tests.stream_worker.states import Clock, redis_at, write_of

USERS = [f"u-{number}" for number in range(1_000)]
STEPS = len(USERS) // MAX_USERS
PARTITION, WATERMARK = 3, len(USERS)
LIKELY = definition("propensity", event="buy")


def catalog_with(*rules: str) -> Catalog:
    catalog = with_models(Catalog(), likely=LIKELY)
    for number, rule in enumerate(rules):
        catalog = catalog.put(f"s-{number}", SegmentDefinition(name=rule, rule=rule), KEEP_ALL)
    return catalog


OLD = catalog_with("score('likely') >= 0.5", "count('view') == 2")


@pytest.fixture
async def store(clean_redis_url: str) -> AsyncIterator[UserStore]:
    """Holds users of whom the model says nothing yet, as their worker left them."""
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis, Clock(0))
        await fill(store, PARTITION)
        yield store


async def test_publications_at_every_step_keep_nobody_from_being_reached(store: UserStore) -> None:
    refresher, catalog, turns = opened(store), OLD, 0
    while (await refreshed(store)) <= OLD.version:
        turns += 1
        assert turns <= 2 * STEPS, "the pass does not end"
        catalog = published(catalog, "likely", turns, 1.0)
        assert await some(refresher, catalog, {PARTITION: WATERMARK}) == []
    assert turns >= STEPS
    assert await segments_of_everybody(store) == [(0, 1)] * len(USERS)


async def test_the_pass_that_follows_brings_everybody_to_the_newest_snapshot(store: UserStore) -> None:
    refresher, first = opened(store), published(OLD, "likely", 1, 1.0)
    await some(refresher, first, {PARTITION: WATERMARK})
    newest = published(first, "likely", 2, 0.1)
    await turns(refresher, newest, STEPS)
    assert await refreshed(store) == first.version
    assert refresher.pending(newest) == [PARTITION]
    await finish(refresher, newest)
    assert await segments_of_everybody(store) == [(1,)] * len(USERS)
    assert await refreshed(store) == newest.version


async def test_an_edit_in_the_middle_begins_anew_for_everybody(store: UserStore) -> None:
    refresher, first = opened(store), published(OLD, "likely", 1, 1.0)
    await turns(refresher, first, 2)
    edit = first.put("s-1", SegmentDefinition(name="s-1", rule="count('view') == 7"), KEEP_ALL)
    await turns(refresher, published(edit, "likely", 2, 1.0), STEPS - 1)
    assert await refreshed(store) == OLD.version
    await finish(refresher, published(edit, "likely", 3, 1.0))
    assert await segments_of_everybody(store) == [(0,)] * len(USERS)


async def test_a_publication_that_redis_has_lost_is_taken_back_from_everybody(store: UserStore) -> None:
    refresher, first = opened(store), published(OLD, "likely", 1, 0.1)
    lost = published(published(first, "likely", 2, 0.1), "likely", 3, 1.0)
    await turns(refresher, lost, 2)
    assert store.newest(PARTITION) == lost.version
    while refresher.pending(first):
        await turns(refresher, first, 1)
        assert await refreshed(store) <= first.version
    assert await segments_of_everybody(store) == [(1,)] * len(USERS)
    assert (await refreshed(store), store.newest(PARTITION)) == (first.version, first.version)


async def test_what_the_next_owner_finds_tells_of_the_newest_membership(store: UserStore) -> None:
    refresher, first = opened(store), published(OLD, "likely", 1, 1.0)
    await some(refresher, first, {PARTITION: WATERMARK})
    newest = published(first, "likely", 2, 1.0)
    while await refreshed(store) < first.version:
        await turns(refresher, newest, 1)
    assert store.newest(PARTITION) == newest.version


async def test_no_partition_is_kept_waiting_by_others_that_are_behind_again(store: UserStore) -> None:
    refresher, catalog = Refresher(store, StateCache(1), TimeZones()), OLD
    partitions = range(10, 10 + 2 * PARTITIONS_A_TURN)
    for partition in partitions:
        await store.open(partition)
        refresher.open(partition, OLD.version)
    for number in range(len(partitions)):
        catalog = published(catalog, "likely", number + 1, 1.0)
        assert await some(refresher, catalog, dict.fromkeys(partitions, 0)) == []
    assert all([(await store.open(partition)).refreshed > OLD.version for partition in partitions])


async def test_an_edit_is_seen_to_first_and_in_more_partitions_at_a_time(store: UserStore) -> None:
    refresher = Refresher(store, StateCache(1), TimeZones())
    edited = OLD.put("s-2", SegmentDefinition(name="s-2", rule="count('view') == 7"), KEEP_ALL)
    newest = published(edited, "likely", 1, 1.0)
    versions = [edited.version, newest.version, OLD.version, edited.version, 0, OLD.version, newest.version + 1]
    for partition, version in enumerate(versions):
        await store.open(partition)
        refresher.open(partition, version)
    assert refresher.turn(newest) == [2, 4, 5, 6]
    assert refresher.is_urgent(newest)
    refresher.close([2, 4, 5, 6])
    assert refresher.turn(newest) == [0]
    assert not refresher.is_urgent(newest)


async def test_memberships_of_a_lost_version_are_urgent(store: UserStore) -> None:
    refresher, first = opened(store), published(OLD, "likely", 1, 0.1)
    await some(refresher, published(first, "likely", 2, 1.0), {PARTITION: WATERMARK})
    assert refresher.is_urgent(first)
    assert not refresher.is_urgent(published(first, "likely", 3, 1.0))


async def test_a_worker_brings_snapshots_to_users_who_do_nothing_while_more_are_published(
    clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    took_s: list[float] = []
    monkeypatch.setattr(Pace, "note", lambda _, begun_s, now_s: took_s.append(now_s - begun_s))
    async with redis_at(clean_redis_url) as redis:
        scene, catalog = Scene(redis), OLD
        await scene.put(catalog)
        followed = scene.catalog()
        await followed.refresh()
        async with working(scene.worker(followed)):
            for number in (1, 2):
                await scene.send(number, SCENE_USERS)
            await until(scene.is_applied)
            for number in range(1, 11):
                catalog = published(catalog, "likely", number, 1.0 if number % 2 else 0.1)
                await store_snapshot(redis, catalog, "likely")
                await scene.put(catalog)
                await followed.refresh()
                await scene.send(number + 2, SCENE_USERS[:50])
                await until(scene.is_applied)
            await until(lambda: scene.is_refreshed(catalog))
        states = await scene.states()
    memberships = [membership for user in SCENE_USERS[50:] if (membership := states[user].membership)]
    assert {each.catalog_version for each in memberships} == {catalog.version}
    assert {tuple(span.ordinal for span in each.spans) for each in memberships} == {(1,)}
    assert len(took_s) > 2
    assert min(took_s) > 0


async def test_for_models_alone_a_worker_takes_its_rests_and_for_an_edit_none(
    clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "left_s", lambda *_: 60.0)
    async with redis_at(clean_redis_url) as redis:
        scene = Scene(redis)
        await scene.put(OLD)
        followed = scene.catalog()
        await followed.refresh()
        async with working(scene.worker(followed)):
            await scene.send(1, SCENE_USERS)
            await until(scene.is_applied)
            await until(lambda: scene.is_refreshed(OLD))
            newer = published(OLD, "likely", 1, 1.0)
            await store_snapshot(redis, newer, "likely")
            await scene.put(newer)
            await followed.refresh()
            for number in range(2, 12):
                await scene.send(number, SCENE_USERS[:50])
                await until(scene.is_applied)
            assert await scene.is_refreshed(OLD)
            edited = newer.put("s-2", SegmentDefinition(name="s-2", rule="count('view') == 7"), KEEP_ALL)
            await scene.put(edited)
            await followed.refresh()
            await until(lambda: scene.is_refreshed(edited))


async def fill(store: UserStore, partition: int) -> None:
    await store.open(partition)
    for begin in range(0, len(USERS), 100):
        writes = [write_of(user, 2, OLD) for user in USERS[begin : begin + 100]]
        assert await store.apply(partition, begin, begin + 100, writes)
    assert await store.apply(partition, WATERMARK, WATERMARK, [], Walk(OLD.version, 0, 0, finished=True))


def opened(store: UserStore) -> Refresher:
    refresher = Refresher(store, StateCache(1), TimeZones())
    refresher.open(PARTITION, OLD.version)
    return refresher


async def turns(refresher: Refresher, catalog: Catalog, number: int) -> None:
    for _ in range(number):
        assert await some(refresher, catalog, {PARTITION: WATERMARK}) == []


async def finish(refresher: Refresher, catalog: Catalog) -> None:
    for _ in range(100):
        if not refresher.pending(catalog):
            return
        assert await some(refresher, catalog, {PARTITION: WATERMARK}) == []
    raise AssertionError("the pass does not end")


async def refreshed(store: UserStore) -> int:
    return (await store.open(PARTITION)).refreshed


async def segments_of_everybody(store: UserStore) -> Sequence[tuple[int, ...]]:
    """The ordinals of those that each is in."""
    states = await store.load(PARTITION, [f"default:{user}" for user in USERS])
    return [tuple(span.ordinal for span in state.membership.spans) for state in states if state.membership]
