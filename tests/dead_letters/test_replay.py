"""A dead letter's second chance, with a real worker on a real Redis: it counts, once, whatever dies in between."""

from collections.abc import AsyncIterator, Sequence

import orjson
import pytest

from services.dead_letters.box import Letter
from services.dead_letters.embedded_box import EmbeddedBox
from services.dead_letters.replay import Replay
from services.dead_letters.selection import Selection
from services.runtime.event_log.embedded import EmbeddedWriter
from services.runtime.event_log.port import DeadLetter, LogUnavailable, Message
from services.runtime.redis_client import RedisClient, connect
from services.segmentation.partitions import partition_of
from tests.stream_worker.scene import PARTITIONS, USERS, Scene, until, working

USER = USERS[0]
HOME = partition_of(USER, PARTITIONS)
NOW_MS = 1_732_240_000_000


@pytest.fixture
async def redis(clean_redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(clean_redis_url, timeout_s=5)
    yield client
    await client.aclose()


@pytest.fixture
def box(redis: RedisClient) -> EmbeddedBox:
    return EmbeddedBox(redis)


def replay_of(redis: RedisClient, box: EmbeddedBox) -> Replay:
    return Replay(box, EmbeddedWriter(redis), PARTITIONS, lambda: NOW_MS)


def view(number: int, **properties: object) -> bytes:
    event = {"event_id": f"e-{number}", "user_id": USER, "type": "view", "ts": NOW_MS, "properties": properties}
    return orjson.dumps(event)


def too_large_to_be_sent_home() -> bytes:
    """Written anew, every number is longer than it was."""
    return view(1, value="here").replace(b'"here"', b"[%s]" % b",".join([b"1e9"] * 200_000))


async def left(box: EmbeddedBox) -> list[Letter]:
    return [letter async for letter in box.left()]


async def events_of_user(scene: Scene) -> int:
    profile = (await scene.states())[USER].profile
    return len(profile.types["view"].entries) if profile else 0


async def test_what_a_worker_put_aside_is_applied_once_after_a_replay(redis: RedisClient, box: EmbeddedBox) -> None:
    scene, poison, event = Scene(redis), b"\xff no text", too_large_to_be_sent_home()
    async with working(scene.worker(scene.catalog())):
        await scene.append(1 - HOME, event)
        await scene.append(HOME, poison)
        await scene.append(HOME, view(2))
        await until(scene.is_applied)
        assert {each.content.partition: each.content.value for each in await left(box)} == {
            1 - HOME: event,
            HOME: poison,
        }
        assert await events_of_user(scene) == 1
        replay = replay_of(redis, box)
        await replay.run(Selection(partition=1 - HOME))
        assert (replay.done.letters, replay.done.unreadable) == (1, 0)
        await until(scene.is_applied)
        assert await events_of_user(scene) == 2
        assert [each.content.value for each in await left(box)] == [poison]


async def test_what_still_cannot_be_read_comes_back_as_a_new_letter(redis: RedisClient, box: EmbeddedBox) -> None:
    scene, poison = Scene(redis), b"\xff no text"
    async with working(scene.worker(scene.catalog())):
        await scene.append(HOME, poison)
        await until(scene.is_applied)
        [before] = await left(box)
        replay = replay_of(redis, box)
        await replay.run(Selection())
        assert (replay.done.letters, replay.done.unreadable) == (1, 1)
        await until(scene.is_applied)
        [after] = await left(box)
        assert after.content == DeadLetter(before.content.reason, HOME, before.content.offset + 1, b"k", poison)


async def test_a_replay_that_dies_before_it_settles_counts_nothing_twice(redis: RedisClient) -> None:
    class DyingBox(EmbeddedBox):
        async def settle(self, letters: Sequence[Letter]) -> None:  # noqa: ARG002
            raise LogUnavailable("dead")

    scene = Scene(redis)
    async with working(scene.worker(scene.catalog())):
        await EmbeddedWriter(redis).dead_letter([DeadLetter("an older version", HOME, 3, b"k", view(1))])
        with pytest.raises(LogUnavailable):
            await replay_of(redis, DyingBox(redis)).run(Selection())
        assert len(await left(EmbeddedBox(redis))) == 1
        await replay_of(redis, EmbeddedBox(redis)).run(Selection())
        await until(scene.is_applied)
        assert await events_of_user(scene) == 1
        assert await left(EmbeddedBox(redis)) == []


async def test_original_bytes_go_to_the_users_partition_or_back_to_where_they_were(
    redis: RedisClient, box: EmbeddedBox
) -> None:
    appended: list[Message] = []

    class Notebook(EmbeddedWriter):
        async def append(self, messages: Sequence[Message]) -> None:
            appended.extend(messages)

    readable, key = view(1), USER.encode()
    letters = [
        DeadLetter("reason", 1 - HOME, 0, b"other", readable),
        DeadLetter("reason", 1 - HOME, 1, b"k", b"unreadable"),
        DeadLetter("reason", 63, 2, key, b"of a log with more partitions"),
    ]
    writer = Notebook(redis)
    await writer.dead_letter(letters)
    replay = Replay(box, writer, PARTITIONS, lambda: NOW_MS)
    await replay.run(Selection())
    assert appended == [
        Message(HOME, b"other", readable),
        Message(1 - HOME, b"k", b"unreadable"),
        Message(HOME, key, b"of a log with more partitions"),
    ]
    assert (replay.done.letters, replay.done.unreadable) == (3, 2)


async def test_many_letters_go_a_few_at_a_time_and_what_was_done_stays_done(
    redis: RedisClient, box: EmbeddedBox
) -> None:
    class Failing(EmbeddedWriter):
        left = 2

        async def append(self, messages: Sequence[Message]) -> None:
            if not self.left:
                raise LogUnavailable("the workers are too far behind")
            self.left -= 1
            assert len(messages) <= 100

    writer = Failing(redis)
    await writer.dead_letter([DeadLetter("reason", 0, number, b"k", b"v") for number in range(250)])
    replay = Replay(box, writer, PARTITIONS, lambda: NOW_MS)
    with pytest.raises(LogUnavailable):
        await replay.run(Selection())
    assert replay.done.letters == 200
    assert [each.content.offset for each in await left(box)] == list(range(200, 250))
