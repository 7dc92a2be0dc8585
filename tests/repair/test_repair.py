"""What a repair makes of a partition, whatever its worker does meanwhile, and wherever it is cut short."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from services.segment_api.sizes.sizes import SegmentSizes
from services.segmentation.wheel import DAY_MS
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import NoWatermark, decode_watermark, encode_repair
from services.stream_worker.repair import rebuild as rebuild_file
from services.stream_worker.repair.fence import TakenMeanwhile
from services.stream_worker.repair.skip import RepairUnderWay, next_offset
from tests.repair.scene import BROKEN, CONSENT, LATER_MS, WHOLE, Repairs
from tests.stream_worker.owner import Owner, count, stored_memberships
from tests.stream_worker.scene import PARTITIONS, USERS, until, working
from tests.stream_worker.states import catalog_of, redis_at, view


@pytest.fixture
async def repairs(clean_redis_url: str) -> AsyncIterator[Repairs]:
    async with broken_at(clean_redis_url) as repairs:
        yield repairs


@pytest.fixture
async def each_repairs(each_redis_url: str) -> AsyncIterator[Repairs]:
    async with broken_at(each_redis_url) as repairs:
        yield repairs


@asynccontextmanager
async def broken_at(url: str) -> AsyncIterator[Repairs]:
    async with redis_at(url) as client:
        repairs = Repairs(client)
        await repairs.begin()
        yield repairs


async def test_what_is_wrong_is_told_of_the_partition_alone(repairs: Repairs) -> None:
    broken, whole = await repairs.state(BROKEN), await repairs.state(WHOLE)
    watermark = broken.watermark
    assert watermark is not None
    assert broken.why == f"records {watermark} to {broken.begin - 1} are gone: the log begins at {broken.begin}"
    assert broken.missing == broken.begin - watermark == broken.end - broken.begin
    assert (whole.why, whole.missing) == (None, 0)


async def test_skipping_keeps_what_was_known_and_goes_on_where_the_log_begins(each_repairs: Repairs) -> None:
    assert await each_repairs.skip() == (await each_repairs.state()).begin
    assert (await each_repairs.state()).why is None
    await each_repairs.apply_the_rest()
    assert await each_repairs.counts(BROKEN) == {2}
    assert await each_repairs.counts(WHOLE) == {3}
    assert await each_repairs.redis.get(CONSENT) == b"withdrawn"


async def test_rebuilding_leaves_what_the_log_still_holds_and_nothing_else(each_repairs: Repairs) -> None:
    assert kinds(await each_repairs.names()) >= {"s:", "m:", "users", "spaces", "sizes", "sizes:", "moments:"}
    assert await each_repairs.rebuild() == (await each_repairs.state()).begin
    assert await each_repairs.names() == {
        *(keys.watermark(BROKEN), keys.turn(BROKEN), CONSENT),
        *("{p00}:log", "{p00}:end"),
    }
    assert await each_repairs.counts(BROKEN) == {0}
    await each_repairs.apply_the_rest()
    assert await each_repairs.counts(BROKEN) == {1}
    assert await each_repairs.counts(WHOLE) == {3}
    assert await each_repairs.redis.get(CONSENT) == b"withdrawn"


async def test_after_either_the_sizes_are_those_of_a_recount(repairs: Repairs) -> None:
    for repair in (repairs.skip, repairs.rebuild):
        await repair()
        await repairs.apply_the_rest()
        stored = [each for partition in (BROKEN, WHOLE) for each in await stored_memberships(repairs.redis, partition)]
        for at_ms in (LATER_MS, LATER_MS + DAY_MS):
            sizes = await SegmentSizes(repairs.redis, PARTITIONS).now("default", at_ms)
            assert sizes == count(stored, at_ms).get("default", {})


@pytest.mark.parametrize("repair", ["skip", "rebuild"])
async def test_a_worker_at_work_meanwhile_writes_nothing_from_before(repairs: Repairs, repair: str) -> None:
    zombie = Owner(repairs.redis, BROKEN)
    await zombie.open(0)
    await getattr(repairs, repair)()
    stored = (await repairs.names(), await repairs.redis.get(keys.watermark(BROKEN)))
    assert not await zombie.apply([view(9, USERS[0])], catalog_of("count('view') == 1"))
    assert (await repairs.names(), await repairs.redis.get(keys.watermark(BROKEN))) == stored


async def test_a_skip_that_moves_nothing_still_fences_what_was_worked_out_before(repairs: Repairs) -> None:
    await repairs.skip()
    zombie = Owner(repairs.redis, BROKEN)
    await zombie.open(0)
    await repairs.skip()
    assert not await zombie.apply([view(9, USERS[0])], catalog_of("count('view') == 1"))


async def test_a_running_worker_goes_on_by_itself_after_either(
    repairs: Repairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_often(monkeypatch)
    async with working(worker := await repairs.worker()):
        await until(lambda: is_stopped(worker.owned.stopped.reasons))
        await repairs.skip()
        await until(repairs.scene.is_applied)
        assert await repairs.counts(BROKEN) == {2}
        await repairs.rebuild()
        await until(repairs.scene.is_applied)
        assert await repairs.counts(BROKEN) == {1}
        assert worker.owned.stopped.reasons == []


async def test_a_rebuild_that_was_killed_holds_workers_off_until_it_is_run_again(
    repairs: Repairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_often(monkeypatch)
    monkeypatch.setattr(rebuild_file, "CHUNK", 50)
    with pytest.raises(Killed):
        await repairs.rebuild(killed_after(3))
    state = await repairs.state()
    assert (state.watermark, state.repair) == (None, "rebuild")
    assert await repairs.counts(BROKEN) == {0, 1}
    with pytest.raises(RepairUnderWay, match="`tranche repair rebuild 0`"):
        await repairs.skip()
    async with working(worker := await repairs.worker()):
        await until(lambda: repairs.scene.has_applied(WHOLE))
        await until(lambda: is_stopped(worker.owned.stopped.reasons))
        await repairs.rebuild()
        await until(repairs.scene.is_applied)
    assert await repairs.counts(BROKEN) == {1}
    assert await repairs.counts(WHOLE) == {3}


async def test_a_rebuild_that_another_one_took_over_forgets_nothing_more(
    repairs: Repairs, clean_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_file, "CHUNK", 50)
    left: list[set[str]] = []

    def take_over(_: int) -> None:
        with redis.Redis.from_url(clean_redis_url) as other:
            other.set(keys.watermark(BROKEN), encode_repair("rebuild", "another"))
            left.append({name.decode() for name in other.keys("{p00}:*")})

    with pytest.raises(TakenMeanwhile):
        await repairs.rebuild(take_over)
    assert [await repairs.names()] == left


async def test_whoever_writes_between_look_and_repair_makes_it_fail(repairs: Repairs) -> None:
    await repairs.skip()
    hold = await repairs.fence.read(BROKEN)
    await repairs.skip()  # the watermark stays where it is
    with pytest.raises(TakenMeanwhile):
        await repairs.fence.set_watermark(hold, "0")


@pytest.mark.parametrize("stored", ["nonsense", ""])
async def test_either_mends_a_watermark_that_is_no_number(repairs: Repairs, stored: str) -> None:
    await repairs.redis.set(keys.watermark(BROKEN), stored)
    assert (await repairs.state()).why == "its watermark is no number"
    await repairs.skip()
    await repairs.redis.set(keys.watermark(BROKEN), stored)
    await repairs.redis.set(keys.turn(BROKEN), "nonsense too")
    await repairs.rebuild()
    await repairs.apply_the_rest()
    assert await repairs.counts(BROKEN) == {1}


async def test_a_log_that_ends_before_the_watermark_is_gone_on_with_at_its_end(repairs: Repairs) -> None:
    state = await repairs.state()
    await repairs.redis.set(keys.watermark(BROKEN), state.end + 5)
    told = f"the log ends at {state.end}, before the watermark {state.end + 5}: it is another log, or lost its end"
    assert (await repairs.state()).why == told
    assert await repairs.skip() == state.end


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(b"300", 500), (b"500", 500), (b"700", 700), (b"900", 900), (b"901", 900), (b"nonsense", 900), (None, 500)],
)
def test_a_skip_reads_nothing_again(stored: bytes | None, expected: int) -> None:
    assert next_offset(stored, begin=500, end=900) == expected


async def test_users_of_before_there_were_turns_are_counted_after_a_skip(repairs: Repairs) -> None:
    await repairs.redis.set(keys.refreshed(BROKEN), 5)
    await repairs.redis.delete(keys.turn(BROKEN))
    await repairs.skip()
    assert await repairs.redis.get(keys.refreshed(BROKEN)) is None


def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("stopped", "owned"):
        monkeypatch.setattr(f"services.stream_worker.{file}.LOOK_EVERY_S", 0.05)


class Killed(BaseException):
    """Like kill -9: nothing comes after it."""


def killed_after(chunks: int) -> Callable[[int], None]:
    left = chunks

    def forgotten(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    return forgotten


def kinds(names: set[str]) -> set[str]:
    """What comes after the tag, of families of keys only which it is."""
    parts = (name.removeprefix("{p00}:").partition(":") for name in names)
    return {kind + colon for kind, colon, _ in parts}


async def is_stopped(reasons: list[str]) -> bool:
    return len(reasons) == 1


def test_only_plain_numbers_are_watermarks() -> None:
    assert [decode_watermark(each) for each in (None, b"0", b"7", b"1234567890123456789")] == [
        0,
        0,
        7,
        1234567890123456789,
    ]
    for stored in (b"", b"00", b"-1", b"+1", b"1e3", b" 1", b"1 ", b"\xc2\xb2", b"1_0"):
        with pytest.raises(NoWatermark):
            decode_watermark(stored)
