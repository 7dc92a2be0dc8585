"""Deliveries of one webhook, and of two side by side: everything, in order, at least once, whatever receivers do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.runtime.event_log.embedded_names import CHANGES
from services.runtime.event_log.port import Message
from services.runtime.redis_client import RedisClient, connect
from services.webhooks.parcel import Filter
from services.webhooks.positions import position_key
from tests.webhooks.receiver import Receiver, Reply, receiving
from tests.webhooks.scene import (
    PARTITIONS,
    USERS,
    Scene,
    expected,
    patient_clock,
    seen,
    statuses,
    until,
    working,
)


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(clean_redis_url, timeout_s=5)
    yield client
    await client.aclose()


@pytest.fixture
def scene(redis: RedisClient) -> Scene:
    return Scene(redis)


async def positions(scene: Scene, hook_id: str = "crm") -> dict[int, int]:
    return await scene.positions(hook_id).stored(set(range(PARTITIONS)))


async def forget(redis: RedisClient, below: int) -> None:
    """Have every partition of the stream begin there."""
    for partition in range(PARTITIONS):
        await redis.xtrim(CHANGES.key(partition), minid=f"{below}-0", approximate=False)


async def held_records(redis: RedisClient) -> list[int]:
    """By partition."""
    return [int(await redis.xlen(CHANGES.key(partition))) for partition in range(PARTITIONS)]


async def test_every_change_is_delivered_once_in_the_order_of_its_user(each_redis_url: str, receiver: Receiver) -> None:
    redis = connect(each_redis_url, timeout_s=5)
    scene = Scene(redis)
    await scene.tell(30)
    async with scene.courier(receiver, max_batch=7) as courier, working(courier):
        await until(lambda: seen(receiver) == expected(30))
        await scene.tell(5)
        await until(lambda: seen(receiver) == expected(35))
    assert receiver.changes_by_user() == expected(35)
    assert all(len(each.changes) <= 7 for each in receiver.received)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == len(receiver.received)
    assert scene.metric("tranche_webhooks_changes_total", webhook="crm") == 35 * len(USERS)
    assert sum((await positions(scene)).values()) == 35 * len(USERS)
    await redis.aclose()


async def test_what_is_refused_is_sent_again_the_same_before_anything_else(scene: Scene, receiver: Receiver) -> None:
    answers = statuses(500, 503, 301, 400, 429)
    receiver.reply = lambda _: Reply(next(answers), delay_s=0.05)
    await scene.tell(1)
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: len(receiver.received) == 1)
        await scene.tell(3)
        await until(lambda: seen(receiver) == expected(4))
    first = receiver.received[0]
    assert {(each.headers["webhook-id"], each.body) for each in receiver.received[:6]} == {
        (first.headers["webhook-id"], first.body)
    }
    assert len(first.changes) == len(USERS)
    assert receiver.changes_by_user() == expected(4)
    assert failed(scene) == 5


async def test_nothing_is_sent_before_the_wait_is_over(scene: Scene, receiver: Receiver) -> None:
    now_ms = 0
    answers = statuses(503)
    receiver.reply = lambda _: Reply(next(answers), {"Retry-After": "60"})
    await scene.tell(1)
    async with scene.courier(receiver, steady_ms=lambda: now_ms) as courier, working(courier):
        await until(lambda: failed(scene) == 1)
        now_ms = 59_999
        await asyncio.sleep(0.05)
        assert len(receiver.received) == 1
        assert courier.parcel is not None
        now_ms = 60_000
        await until(lambda: seen(receiver) == expected(1))


async def test_a_slow_or_dead_receiver_holds_back_no_other(scene: Scene, receiver: Receiver) -> None:
    await scene.tell(20)
    async with receiving() as slow:
        slow.reply = lambda _: Reply(delay_s=60)
        async with (
            scene.courier(slow, "dsp", timeout_s=0.4) as waiting,
            scene.courier(receiver) as courier,
            working(waiting, courier),
        ):
            await until(lambda: len(slow.received) == 1)
            await until(lambda: seen(receiver) == expected(20))
            assert len(slow.received) == 1
    assert await positions(scene, "dsp") == dict.fromkeys(range(PARTITIONS), 0)


async def test_a_receiver_gets_the_segments_and_spaces_it_asked_for(scene: Scene, receiver: Receiver) -> None:
    await scene.tell(2, "a")
    await scene.tell(2, "b")
    await scene.tell(2, "a", "other")
    await scene.tell(2, "a")
    wanted = Filter(frozenset({"a"}), frozenset({"default"}))
    async with scene.courier(receiver, wanted=wanted, max_batch=5) as courier, working(courier):
        await until(lambda: receiver.changes_by_user() == {user: [1, 2, 7, 8] for user in USERS})
    assert sum((await positions(scene)).values()) == 8 * len(USERS)


async def test_what_is_no_change_is_passed_over(scene: Scene, receiver: Receiver) -> None:
    await scene.put(Message(0, b"k", b"no JSON"))
    await scene.tell(1)
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: seen(receiver) == expected(1))
    assert scene.metric("tranche_webhooks_unreadable_total") == 1


async def test_a_new_webhook_begins_with_what_is_new(scene: Scene, receiver: Receiver) -> None:
    await scene.tell(3)
    async with scene.courier(receiver, begin=False) as courier, working(courier):
        await until(lambda: courier.reads == set(range(PARTITIONS)))
    await scene.tell(2)
    async with scene.courier(receiver, begin=False) as courier, working(courier):
        await until(lambda: seen(receiver) == expected(5, first=4))
    assert receiver.changes_by_user() == expected(5, first=4)


async def test_the_oldest_change_that_is_left_is_the_beginning(redis: RedisClient, receiver: Receiver) -> None:
    scene = Scene(redis)
    await scene.tell(10)
    await forget(redis, below=6)
    held = await held_records(redis)
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: sum(map(len, receiver.changes_by_user().values())) == sum(held))
    assert scene.metric("tranche_webhooks_lost_changes_total", webhook="crm") == 0


async def test_what_the_stream_has_forgotten_is_told_and_the_rest_delivered(
    redis: RedisClient, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(redis)
    await scene.tell(10)
    await scene.positions().store({0: 1, 1: 0, 2: 0, 3: 0})
    await forget(redis, below=6)
    held = await held_records(redis)
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: sum(map(len, receiver.changes_by_user().values())) == sum(held))
    lost = sum(6 for each in held if each) - 1
    assert scene.metric("tranche_webhooks_lost_changes_total", webhook="crm") == lost
    assert "partition 0: offset 1 is next, but the log begins at 6" in caplog.text


async def test_another_stream_is_delivered_from_its_beginning(scene: Scene, receiver: Receiver) -> None:
    await scene.tell(2)
    await scene.positions().store(dict.fromkeys(range(PARTITIONS), 1_000))
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: seen(receiver) == expected(2))


async def test_who_is_gone_is_left_alone_until_the_next_start(
    scene: Scene, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    answers = statuses(204, 410)
    receiver.reply = lambda _: Reply(next(answers))
    await scene.tell(10)
    async with scene.courier(receiver, max_batch=20) as courier:
        await asyncio.wait_for(courier.run(asyncio.Event()), 5)
    assert len(receiver.received) == 2
    assert scene.metric("tranche_webhooks_disabled", webhook="crm") == 1
    assert "webhook crm is disabled until the next start: the receiver answered 410 Gone" in caplog.text
    assert [each.levelname for each in caplog.records] == ["CRITICAL"]
    async with scene.courier(receiver, max_batch=20) as courier, working(courier):
        await until(lambda: seen(receiver) == expected(10))
    assert receiver.changes_by_user() == expected(10)


async def test_a_day_without_success_disables(scene: Scene, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(500)
    await scene.tell(1)
    async with scene.courier(receiver) as courier:
        await asyncio.wait_for(courier.run(asyncio.Event()), 8)
    assert scene.metric("tranche_webhooks_disabled", webhook="crm") == 1
    assert await positions(scene) == dict.fromkeys(range(PARTITIONS), 0)


async def test_what_another_process_has_delivered_meanwhile_is_not_sent_again(scene: Scene, receiver: Receiver) -> None:
    now_ms = 0
    answers = statuses(503)
    receiver.reply = lambda _: Reply(next(answers))
    await scene.tell(3)
    async with scene.courier(receiver, max_batch=1_000, steady_ms=lambda: now_ms) as courier, working(courier):
        await until(lambda: failed(scene) == 1)
        sent = courier.parcel
        assert sent is not None
        await scene.positions().store(sent.ends)
        await scene.tell(1)
        now_ms = 10_000
        await until(lambda: seen(receiver) == expected(4, first=4))
    assert receiver.changes_by_user() == expected(4, first=4)


async def test_nothing_stops_it_that_ends_by_itself(scene: Scene, receiver: Receiver) -> None:
    await scene.tell(2)
    await scene.redis.set(position_key(0, "crm"), "no number")
    async with scene.courier(receiver) as courier, working(courier):
        await until(lambda: courier.failing == "ValueError")
        await scene.redis.set(position_key(0, "crm"), "0")
        await until(lambda: seen(receiver) == expected(2) and courier.failing is None)


async def test_a_stop_does_not_wait_for_the_receiver_to_come_back(scene: Scene, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(500)
    await scene.tell(1)
    async with asyncio.timeout(3):
        async with scene.courier(receiver, steady_ms=patient_clock()) as courier, working(courier):
            await until(lambda: courier.parcel is not None)


def failed(scene: Scene) -> float | None:
    """Deliveries whose answer has been taken account of, unlike those that the receiver has only just seen."""
    return scene.metric("tranche_webhooks_deliveries_total", webhook="crm", outcome="failed")
