"""Users' state in a real Redis."""

from services.segmentation.engine import UserState
from services.stream_worker.store import UserStore, Write
from tests.stream_worker.states import catalog_of, redis_at, state_of, write_of

CATALOG = catalog_of("count('view') >= 2", "count('view', within='1h') == 3")


async def test_states_come_back_as_they_were_applied_and_in_the_order_asked_for(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis)
        writes = [write_of(f"u-{number}", number + 1, CATALOG) for number in range(5)]
        assert await store.apply(3, 0, 17, writes)
        assert await store.watermark(3) == 17
        asked = [writes[4].member, "default:nobody", writes[0].member]
        assert await store.load(3, asked) == [writes[4].state, UserState(), writes[0].state]
        assert await store.load(2, [writes[0].member]) == [UserState()]


async def test_a_refused_batch_leaves_everything_as_it_was(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis)
        await store.apply(3, 0, 17, [write_of("u-1", 1, CATALOG)])
        assert not await store.apply(3, 0, 20, [write_of("u-1", 2, CATALOG)])
        assert await store.load(3, ["default:u-1"]) == [state_of(1, CATALOG)]
        assert await store.watermark(3) == 17


async def test_a_membership_alone_can_be_written(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis)
        await store.apply(3, 0, 1, [write_of("u-1", 2, CATALOG)])
        other = UserState(state_of(9, CATALOG).profile, state_of(2, catalog_of("tenure() > '1h'")).membership)
        assert await store.apply(3, 1, 1, [Write("default:u-1", other, profile_changed=False)])
        assert await store.load(3, ["default:u-1"]) == [UserState(state_of(2, CATALOG).profile, other.membership)]


async def test_a_scan_meets_every_user_of_the_partition_and_no_other(clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        store = UserStore(redis)
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
