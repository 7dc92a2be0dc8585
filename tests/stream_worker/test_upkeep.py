"""What time makes of the counts: little is kept of the past, and of what was taken back."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from services.runtime.redis_client import RedisClient
from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.events import Event
from services.segmentation.membership import Membership, Span
from services.segmentation.wheel import DAY_MS, HOUR_MS, MINUTE_MS, Stretch, Wheel
from services.segmentation.wire import keys
from services.segmentation.wire.sizes import decode_records
from services.stream_worker import ledger
from services.stream_worker.ledger import MIN_OVERGROWN, Ledger, Move
from services.stream_worker.store import Overtaken, UserStore
from services.stream_worker.upkeep import PARTITIONS_A_TURN, RECORDS_A_STEP, STRETCHES_A_STEP, Upkeep, some_of
from tests.stream_worker.owner import Owner, count, stored_memberships
from tests.stream_worker.states import Clock, catalog_of, redis_at

NOW_MS = 1_732_190_400_000
CATALOG = catalog_of("count('view', within='1h') >= 1", "count('view', within='3d') >= 1")


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    async with redis_at(clean_redis_url) as client:
        yield client


async def test_nothing_is_kept_of_the_past_but_sums(redis: RedisClient) -> None:
    owner = Owner(redis, 0)
    await owner.open(NOW_MS)
    events = [Event("e", f"u-{number}", "view", NOW_MS - number * HOUR_MS // 7) for number in range(100)]
    assert await owner.apply(events, CATALOG)
    assert await owner.upkeep(NOW_MS)
    assert await kept(redis) > 2
    assert await owner.upkeep(NOW_MS + 4 * DAY_MS)
    assert await kept(redis) == 0
    assert await redis.hgetall(keys.sizes(0)) == {}


async def test_what_was_taken_back_does_not_pile_up(redis: RedisClient) -> None:
    owner, users = Owner(redis, 0), 30
    await owner.open(NOW_MS)
    for number in range(80):
        events = [Event(f"e-{number}", f"u-{user}", "view", NOW_MS + number) for user in range(users)]
        assert await owner.apply(events, CATALOG)
        assert await owner.upkeep(NOW_MS + number)
    assert await kept_records(redis) <= 2 * (users + max(MIN_OVERGROWN, users // 2))
    sizes = await SegmentSizes(redis, 1).now("default", NOW_MS + HOUR_MS + 50)
    assert sizes == count(await stored_memberships(redis, 0), NOW_MS + HOUR_MS + 50)["default"]


async def test_what_is_kept_of_a_user_does_not_grow_with_what_happens(redis: RedisClient) -> None:
    owner = Owner(redis, 0)
    await owner.open(NOW_MS)
    for number in range(1_000):
        assert await owner.apply([Event(f"e-{number}", "u", "view", NOW_MS + number)], CATALOG)
        assert await owner.upkeep(NOW_MS + number)
    assert await kept_records(redis) <= 2 * (1 + MIN_OVERGROWN)
    assert await SegmentSizes(redis, 1).now("default", NOW_MS + HOUR_MS + 998) == {0: 1, 1: 1}
    assert await SegmentSizes(redis, 1).now("default", NOW_MS + HOUR_MS + 999) == {1: 1}
    assert await SegmentSizes(redis, 1).now("default", NOW_MS + 3 * DAY_MS + 998) == {1: 1}
    assert await SegmentSizes(redis, 1).now("default", NOW_MS + 3 * DAY_MS + 999) == {}


def test_users_who_come_once_leave_nothing_to_throw_away() -> None:
    known = Ledger("", NOW_MS, Wheel.at(NOW_MS), ["a"])
    for _ in range(2 * MIN_OVERGROWN):
        known.accept("turn", known.count([move(None, NOW_MS + DAY_MS)]))
    assert not known.is_due
    for _ in range(MIN_OVERGROWN):
        known.accept("turn", known.count([move(NOW_MS + DAY_MS, NOW_MS + DAY_MS + 1)]))
    assert known.is_due


async def test_a_day_that_holds_much_is_cut_into_hours_before_it_comes_near(
    redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CROWDED", 20)
    owner = Owner(redis, 0)
    await owner.open(NOW_MS)
    views = [Event("e", f"u-{number}", "view", NOW_MS - number * HOUR_MS) for number in range(50)]
    assert await owner.apply(views, CATALOG)
    days = await names(redis, "moments:d*")
    assert await owner.upkeep(NOW_MS)
    assert len(days) > len(await names(redis, "moments:d*"))
    assert await kept_records(redis, "moments:d*") <= 20
    memberships = await stored_memberships(redis, 0)
    for at_ms in range(NOW_MS, NOW_MS + 4 * DAY_MS, 5 * HOUR_MS):
        found = await SegmentSizes(redis, 1).now("default", at_ms)
        assert found == count(memberships, at_ms).get("default", {})


def test_a_step_nets_a_bounded_number_of_records_or_one_stretch() -> None:
    days = [Stretch(NOW_MS + number * DAY_MS, DAY_MS) for number in range(100)]
    half = RECORDS_A_STEP // 2
    assert some_of(dict.fromkeys(days, 1)) == days[:STRETCHES_A_STEP]
    assert some_of(dict.fromkeys(days, half)) == days[:2]
    assert some_of({days[0]: 3 * half, days[1]: 1}) == days[:1]


async def test_every_partition_gets_its_turn(redis: RedisClient) -> None:
    clock = Clock(NOW_MS)
    store = UserStore(redis, clock)
    positions = dict.fromkeys(range(2 * PARTITIONS_A_TURN), 0)
    for partition in positions:
        await store.open(partition)
    clock.now_ms += DAY_MS  # much to do for each
    upkeep = Upkeep(store)
    turns = []
    for _ in range(3):
        before = {partition: store.ledger(partition).wheel for partition in positions}
        for partition in upkeep.turn(positions):
            assert await upkeep.step(partition, 0)
        turns.append([partition for partition in positions if store.ledger(partition).wheel != before[partition]])
    assert turns == [list(range(8)), list(range(8, 16)), list(range(8))]


async def test_whoever_no_longer_owns_a_partition_is_told_so(redis: RedisClient) -> None:
    clock = Clock(NOW_MS)
    late, owner = UserStore(redis, clock), UserStore(redis, clock)
    for store in (late, owner):
        await store.open(5)
    clock.now_ms += 2 * MINUTE_MS
    assert await Upkeep(owner).step(5, 0)
    with pytest.raises(Overtaken):
        await Upkeep(late).step(5, 0)


def test_spaces_past_the_last_that_is_counted_are_never_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_SPACES", 2)
    known = Ledger("", NOW_MS, Wheel.at(NOW_MS), ["a"])
    member = Membership(1, NOW_MS, (Span(0, NOW_MS, None),))
    entry = known.count([(space, None, member) for space in ("c", "b", "a", "d", "c")])
    assert (entry.new_spaces, sum(entry.over.values())) == (["c"], 3)
    known.accept("turn", entry)
    again = known.count([(space, None, member) for space in ("b", "d")])
    assert (again.new_spaces, again.over, again.edits) == ([], {}, [])


def move(before_ms: int | None, until_ms: int) -> Move:
    """A user's one boundary comes, or moves."""
    before = None if before_ms is None else Membership(1, NOW_MS, (Span(0, NOW_MS, before_ms),))
    return "a", before, Membership(1, NOW_MS, (Span(0, NOW_MS, until_ms),))


async def kept(redis: RedisClient) -> int:
    """Stretches of which anything is kept."""
    return len(await names(redis, "sizes:*")) + len(await names(redis, "moments:*"))


async def kept_records(redis: RedisClient, pattern: str = "moments:*") -> int:
    stretches = [await redis.lrange(name, 0, -1) for name in await names(redis, pattern)]
    return sum(len(decode_records(b"".join(cast("list[bytes]", pieces)))) for pieces in stretches)


async def names(redis: RedisClient, pattern: str) -> list[str]:
    return [name.decode() async for name in redis.scan_iter("{p00}:" + pattern)]
