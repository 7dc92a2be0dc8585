"""Users' state in a real Redis."""

from collections.abc import Awaitable, Callable

import pytest

from services.runtime.redis_client import RedisClient
from services.segmentation.engine import UserState
from services.segmentation.wheel import Stretch
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership
from services.stream_worker import store as store_module
from services.stream_worker.store import MAX_USERS, Overtaken, UserStore
from services.stream_worker.write import Write
from tests.stream_worker.states import Clock, catalog_of, redis_at, state_of, write_of

CATALOG = catalog_of("count('view') >= 2", "count('view', within='1h') == 3")


async def test_states_come_back_as_they_were_applied_and_in_the_order_asked_for(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        writes = [write_of(f"u-{number}", number + 1, CATALOG) for number in range(5)]
        assert await store.apply(3, 0, 17, writes)
        assert (await store.open(3)).watermark == 17
        asked = [writes[4].member, "default:nobody", writes[0].member]
        assert await store.load(3, asked) == [writes[4].state, UserState(), writes[0].state]
        await store.open(2)
        assert await store.load(2, [writes[0].member]) == [UserState()]


async def test_a_refused_batch_leaves_everything_as_it_was(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        await store.apply(3, 0, 17, [write_of("u-1", 1, CATALOG)])
        assert not await store.apply(3, 0, 20, [write_of("u-1", 2, CATALOG)])
        assert await store.load(3, ["default:u-1"]) == [state_of(1, CATALOG)]
        assert (await store.open(3)).watermark == 17


async def test_whoever_does_not_know_of_the_last_write_writes_nothing_even_at_the_same_watermark(
    clean_redis_url: str,
) -> None:
    async with redis_at(clean_redis_url) as redis:
        one, other = await opened(redis), await opened(redis)
        assert await one.apply(3, 0, 0, [write_of("u-1", 1, CATALOG)])
        assert not await other.apply(3, 0, 0, [write_of("u-1", 2, CATALOG)])
        assert await one.load(3, ["default:u-1"]) == [state_of(1, CATALOG)]
        await other.open(3)
        assert await other.apply(3, 0, 0, [write_of("u-1", 2, CATALOG)])
        assert not await one.apply(3, 0, 0, [write_of("u-1", 3, CATALOG)])


async def test_a_write_that_redis_lost_again_is_noticed_by_the_next_one(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        assert await store.apply(3, 0, 0, [write_of("u-1", 1, CATALOG)])
        before = await redis.dump(keys.turn(3))
        assert await store.apply(3, 0, 0, [write_of("u-2", 2, CATALOG)])
        assert before is not None
        await redis.restore(keys.turn(3), 0, before, replace=True)
        assert not await store.apply(3, 0, 0, [write_of("u-3", 3, CATALOG)])


READS: dict[str, Callable[[UserStore], Awaitable[object]]] = {
    "states": lambda store: store.load(3, ["default:u-1"]),
    "told": lambda store: store.load_told(3, ["default:u-1"]),
    "due": lambda store: store.due(3, 10),
    "sizes": lambda store: store.sizes_in(3, Stretch(0, 60_000)),
    "moments": lambda store: store.moments_in(3, Stretch(0, 60_000)),
}


@pytest.mark.parametrize("read", READS)
async def test_nothing_is_read_of_a_partition_that_another_has_written(clean_redis_url: str, read: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        one, other = UserStore(redis, Clock(0), tells=True), UserStore(redis, Clock(0), tells=True)
        await one.open(3)
        assert await one.apply(3, 0, 1, [write_of("u-1", 1, CATALOG)])  # from now on it is told
        await READS[read](one)
        await other.open(3)
        assert await other.apply(3, 1, 2, [write_of("u-1", 2, CATALOG)])
        with pytest.raises(Overtaken):  # it may be lost before the next write, which then could not tell
            await READS[read](one)


async def test_a_membership_alone_can_be_written(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        written = write_of("u-1", 2, CATALOG)
        await store.apply(3, 0, 1, [written])
        await redis.set(keys.profile(3, "default:u-1"), "nothing that anybody writes")
        other = UserState(written.state.profile, state_of(2, catalog_of("tenure() > '1h'")).membership)
        assert await store.apply(3, 1, 1, [Write("default:u-1", written.state, other)])
        assert await redis.get(keys.profile(3, "default:u-1")) == b"nothing that anybody writes"
        membership = await redis.get(keys.membership(3, "default:u-1"))
        assert isinstance(membership, bytes)
        assert decode_membership(membership) == other.membership


async def test_a_scan_meets_every_user_of_the_partition_and_no_other(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        await store.open(4)
        users = [f"u-{number}" for number in range(1_000)]
        for begin in range(0, 1_000, 100):
            writes = [write_of(user, 1, CATALOG) for user in users[begin : begin + 100]]
            await store.apply(3, begin, begin + 100, writes)
        await store.apply(4, 0, 1, [write_of("other", 1, CATALOG)])
        met: set[str] = set()
        cursor, steps = await store.scan(3, 0, 100)
        met.update(steps)
        while cursor:
            cursor, steps = await store.scan(3, cursor, 100)
            met.update(steps)
        assert met == {f"default:{user}" for user in users}


async def test_there_is_room_for_fewer_users_where_each_of_them_changes_many_sizes(
    clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_CHANGES", 12)
    async with redis_at(clean_redis_url) as redis:
        store = await opened(redis)
        many = catalog_of(*(f"count('view', within='{hours}h') >= 1" for hours in range(1, 9)))
        assert store.room == MAX_USERS
        assert await store.apply(3, 0, 1, [write_of(f"u-{number}", 1, many) for number in range(3)])
        assert store.room == 3 * 12 // 16, "each of eight segments now, and once later on"
        assert await store.apply(3, 1, 2, [])
        assert store.room == 2
        assert await store.apply(3, 2, 3, [write_of("u-4", 1, many)])
        assert store.room == 1
        half = catalog_of(*(f"count('view', within='{hours}h') >= 1" for hours in range(1, 5)))
        assert await store.apply(3, 3, 4, [write_of("u-5", 1, half)])
        assert store.room == 2, "one more may do, since sizes change together"
        assert await store.apply(3, 4, 5, [write_of("u-6", 1, catalog_of("count('view') >= 1"))])
        assert store.room == 12


async def opened(redis: RedisClient) -> UserStore:
    store = UserStore(redis, Clock(0))
    await store.open(3)
    return store
