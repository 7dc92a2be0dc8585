"""The background pass: it reaches everybody, a few at a time, whatever happens meanwhile."""

from collections.abc import AsyncIterator
from itertools import pairwise

import msgpack
import pytest

from services.runtime.redis_client import RedisClient
from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.catalog import Catalog
from services.segmentation.membership import Membership
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.stream_worker.cache import StateCache
from services.stream_worker.refresh import PARTITIONS_A_TURN, Refresher
from services.stream_worker.store import MAX_USERS, UserStore
from services.stream_worker.write import Walk, Write
from tests.stream_worker.owner import Owner, some
from tests.stream_worker.states import Clock, catalog_of, redis_at, view, write_of

USERS = [f"u-{number}" for number in range(1_000)]
OLD, NEW = catalog_of("count('view') == 1"), catalog_of("count('view') == 1", "count('view') == 2")
PARTITION, WATERMARK = 3, 1_000


@pytest.fixture
async def store(clean_redis_url: str) -> AsyncIterator[UserStore]:
    """Holds users whose memberships are of the old catalog, as its worker left them."""
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis, Clock(0))
        await store.open(PARTITION)
        for begin in range(0, len(USERS), 100):
            writes = [write_of(user, 2, OLD) for user in USERS[begin : begin + 100]]
            assert await store.apply(PARTITION, begin, begin + 100, writes)
        assert await store.apply(PARTITION, WATERMARK, WATERMARK, [], Walk(OLD.version, 0, 0, finished=True))
        yield store


async def test_it_reaches_every_user_in_steps_of_bounded_size(store: UserStore) -> None:
    refresher = opened(store)
    reached = [0]
    while refresher.pending(NEW):
        assert await some(refresher, NEW, {PARTITION: WATERMARK}) == []
        reached.append(await count_at(store, NEW))
    steps = [after - before for before, after in pairwise(reached)]
    assert reached[-1] == len(USERS)
    # Redis may give a few more than it is asked for: all the users that share a bucket.
    assert max(steps) <= 2 * MAX_USERS
    assert await refreshed(store) == NEW.version
    assert await memberships(store) == [write_of("any", 2, NEW).state.membership] * len(USERS)


async def test_a_new_owner_goes_on_from_what_is_stored(store: UserStore) -> None:
    interrupted = opened(store)
    for _ in range(3):
        await some(interrupted, NEW, {PARTITION: WATERMARK})
    assert 0 < await count_at(store, NEW) < len(USERS)
    assert await refreshed(store) == OLD.version
    await finish(opened(store), NEW)
    assert await count_at(store, NEW) == len(USERS)


async def test_an_edit_in_the_middle_begins_anew_for_everybody(store: UserStore) -> None:
    refresher = opened(store)
    for _ in range(3):
        await some(refresher, NEW, {PARTITION: WATERMARK})
    newest = catalog_of("count('view') == 1", "count('view') == 2", "tenure() >= '1h'")
    await finish(refresher, newest)
    assert await count_at(store, newest) == len(USERS)
    assert await refreshed(store) == newest.version


async def test_an_edit_that_redis_has_lost_is_taken_back_from_everybody(store: UserStore) -> None:
    refresher = opened(store)
    await finish(refresher, NEW)
    edit = catalog_of("count('view') == 2")  # of the first segment, the catalog as it was before
    await finish(refresher, edit)
    assert await memberships(store) == [write_of("any", 2, edit).state.membership] * len(USERS)
    assert await refreshed(store) == edit.version


async def test_what_was_written_by_an_edit_that_redis_has_lost_is_brought_back(store: UserStore) -> None:
    refresher = opened(store)
    [state] = await store.load(PARTITION, ["default:u-1"])
    assert await store.apply(
        PARTITION, WATERMARK, WATERMARK, [Write("default:u-1", state, write_of("u-1", 2, NEW).state)]
    )
    await store.open(PARTITION)  # as another owner does, who finds all refreshed to the old catalog
    assert refresher.pending(OLD) == [PARTITION]
    await finish(refresher, OLD)
    assert await count_at(store, OLD) == len(USERS)


async def test_it_writes_nothing_where_the_watermark_has_moved_on(store: UserStore) -> None:
    refresher = opened(store)
    assert await some(refresher, NEW, {PARTITION: WATERMARK - 1}) == [PARTITION]
    assert await count_at(store, NEW) == 0
    assert await refreshed(store) == OLD.version


async def test_it_replaces_what_is_cached(store: UserStore) -> None:
    cache = StateCache(100_000)
    cache.put(PARTITION, "default:u-5", write_of("u-5", 2, OLD).state)
    refresher = opened(store, cache)
    await finish(refresher, NEW)
    held = cache.get(PARTITION, "default:u-5")
    assert held is not None
    assert held.membership == write_of("u-5", 2, NEW).state.membership
    assert cache.get(PARTITION, "default:u-6") is None


async def test_a_turn_works_on_a_few_partitions_and_the_next_turns_on_the_others(store: UserStore) -> None:
    refresher = Refresher(store, StateCache(1_000), TimeZones())
    partitions = range(10, 10 + 2 * PARTITIONS_A_TURN)
    for partition in partitions:
        refresher.open(partition, 0)
        await store.open(partition)
    positions = dict.fromkeys(partitions, 0)
    await some(refresher, NEW, positions)
    assert len(refresher.pending(NEW)) == PARTITIONS_A_TURN
    await some(refresher, NEW, positions)
    assert refresher.pending(NEW) == []


async def test_memberships_that_an_earlier_version_wrote_are_counted_although_nothing_was_edited(
    clean_redis_url: str,
) -> None:
    async with redis_at(clean_redis_url) as redis:
        owner = Owner(redis, PARTITION)
        await owner.open(1_000)
        assert await owner.apply([view(1, user) for user in USERS[:250]], OLD)
        assert await owner.refresh(OLD)
        await make_earlier(redis)
        assert await SegmentSizes(redis, PARTITION + 1).now("default", 1_000) == {}
        newer = Owner(redis, PARTITION)
        await newer.open(1_000)
        assert await newer.apply([view(2, USERS[0])], OLD)
        for _ in range(10):
            assert await newer.refresh(OLD)
        assert await SegmentSizes(redis, PARTITION + 1).now("default", 1_000) == {0: 249}
        assert int(await redis.get(keys.refreshed(PARTITION)) or 0) == OLD.version


async def test_that_is_begun_anew_by_whoever_comes_next(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        owner = Owner(redis, PARTITION)
        await owner.open(1_000)
        assert await owner.apply([view(1, user) for user in USERS[:250]], OLD)
        await make_earlier(redis)
        for steps in (1, 10):
            newer = Owner(redis, PARTITION)
            await newer.open(1_000)
            for _ in range(steps):
                assert await newer.refresh(OLD)
        assert await SegmentSizes(redis, PARTITION + 1).now("default", 1_000) == {0: 250}


async def make_earlier(redis: RedisClient) -> None:
    """What is stored, as a Tranche wrote it that counted nothing and had refreshed everything."""
    for name in [name async for name in redis.scan_iter(f"{{p{PARTITION:02d}}}:m:*")]:
        data = await redis.get(name)
        assert isinstance(data, bytes)
        await redis.set(name, msgpack.packb([1, *msgpack.unpackb(data)[1:]]))
    names = [name async for name in redis.scan_iter(f"{{p{PARTITION:02d}}}:*")]
    counts = [name for name in names if name.split(b":")[1] in {b"turn", b"spaces", b"sizes", b"moments"}]
    await redis.delete(*counts)
    await redis.set(keys.refreshed(PARTITION), OLD.version)


async def test_a_lost_partition_is_left_alone(store: UserStore) -> None:
    refresher = opened(store)
    await some(refresher, NEW, {PARTITION: WATERMARK})
    refresher.close([PARTITION])
    before = await count_at(store, NEW)
    await some(refresher, NEW, {})
    assert (refresher.pending(NEW), await count_at(store, NEW)) == ([], before)


def opened(store: UserStore, cache: StateCache | None = None) -> Refresher:
    refresher = Refresher(store, cache or StateCache(1), TimeZones())
    refresher.open(PARTITION, OLD.version)
    return refresher


async def refreshed(store: UserStore) -> int:
    return (await store.open(PARTITION)).refreshed


async def finish(refresher: Refresher, catalog: Catalog) -> None:
    for _ in range(100):
        if not refresher.pending(catalog):
            return
        assert await some(refresher, catalog, {PARTITION: WATERMARK}) == []
    raise AssertionError("the pass does not end")


async def memberships(store: UserStore) -> list[Membership | None]:
    return [state.membership for state in await store.load(PARTITION, [f"default:{user}" for user in USERS])]


async def count_at(store: UserStore, catalog: Catalog) -> int:
    return sum(each is not None and each.catalog_version == catalog.version for each in await memberships(store))
