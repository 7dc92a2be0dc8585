"""What a digest tells of a partition belongs to one moment, or nothing is told."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from services.runtime.event_log.embedded import EmbeddedOffsets
from services.runtime.redis_client import RedisClient, connect
from services.segment_api import digest
from services.segment_api.digest import Digests
from services.segment_api.rests import Pace
from services.segment_api.settings import ApiSettings
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import encode_repair
from services.stream_worker.repair.fence import Fence
from services.stream_worker.repair.rebuild import rebuild
from services.stream_worker.store import UserStore
from tests.segment_api.digests import NONE, status
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
Read = tuple[Any, Sequence[bytes | None]]
"""What one reading brings: when it was, and profiles."""


@pytest.mark.parametrize(("writes", "is_told"), [({3}, True), (set(range(1_000)), False)])
async def test_none_is_told_of_a_partition_that_is_written_to_all_the_time(
    settings: ApiSettings, users: StoredUsers, monkeypatch: pytest.MonkeyPatch, writes: set[int], is_told: bool
) -> None:
    """What was read before a write and what was read after it belong to no moment; so all is read again."""
    partition = partition_of("u-2", settings.partitions)
    for number in range(40):
        await users.apply([event("visit", T, f"u-{number}")])
    monkeypatch.setattr(digest, "A_READ", 1)
    redis, reads, read = connect(settings.redis_url, timeout_s=5), 0, Digests._read

    async def and_write(self: Digests, partition: int, members: Sequence[str]) -> Read:
        nonlocal reads
        reads += 1
        if reads in writes:
            await users.apply([event("visit", T + reads, "u-2")])
        return await read(self, partition, members)

    monkeypatch.setattr(Digests, "_read", and_write)
    found = await Digests(redis, Pace()).of(partition)
    monkeypatch.undo()
    assert (found is not None) == is_told
    assert found in {None, await Digests(redis, Pace()).of(partition)}
    await redis.aclose()


async def test_a_watermark_that_goes_and_comes_back_is_noticed(
    settings: ApiSettings, users: StoredUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Redis lost its last writes in the midst of the reading, and they were done again."""
    partition = partition_of("u-2", settings.partitions)
    for number in range(40):
        await users.apply([event("visit", T, f"u-{number}")])
    monkeypatch.setattr(digest, "A_READ", 1)
    redis, reads, read = connect(settings.redis_url, timeout_s=5), 0, Digests._read
    lost = [keys.watermark(partition), keys.profile(partition, "default:u-2")]
    before = [await redis.get(name) for name in lost]
    at_rest = await Digests(redis, Pace()).of(partition)

    async def and_lose(self: Digests, partition: int, members: Sequence[str]) -> Read:
        nonlocal reads
        if members == ["default:u-2"] and not reads:
            reads += 1
            await users.apply([event("visit", T - 1, "u-2")])
            found = await read(self, partition, members)
            await redis.mset(dict(zip(lost, before, strict=True)))  # type: ignore[arg-type]
            return found
        return await read(self, partition, members)

    monkeypatch.setattr(Digests, "_read", and_lose)
    assert await Digests(redis, Pace()).of(partition) == at_rest
    assert reads == 1
    await redis.aclose()


@pytest.mark.parametrize("is_refreshed", [False, True], ids=["otherwise at rest", "while memberships are refreshed"])
async def test_a_rebuild_that_ends_at_the_same_watermark_is_noticed(
    settings: ApiSettings, users: StoredUsers, monkeypatch: pytest.MonkeyPatch, is_refreshed: bool
) -> None:
    partition = partition_of("u-2", settings.partitions)
    names = [name for name in map("u-{}".format, range(60)) if partition_of(name, settings.partitions) == partition]
    for name in names:
        await users.apply([event("visit", T, name)])
    monkeypatch.setattr(digest, "A_READ", 1)
    redis, reads, read = connect(settings.redis_url, timeout_s=5), 0, Digests._read

    async def and_rebuild(self: Digests, partition: int, members: Sequence[str]) -> Read:
        nonlocal reads
        reads += 1
        if reads == 4:  # some users were read before it, and some are read after
            offsets = EmbeddedOffsets(redis, settings.partitions)
            assert await rebuild(redis, Fence(redis, lambda: T), offsets, partition, lambda _: None) == 0
            for name in names:
                await users.apply([event("visit", T + 1, name)])
        elif is_refreshed:
            await rename_last_write(redis, partition)
        return await read(self, partition, members)

    monkeypatch.setattr(Digests, "_read", and_rebuild)
    found = await Digests(redis, Pace()).of(partition)
    monkeypatch.undo()
    assert found == await Digests(redis, Pace()).of(partition)
    assert found is not None
    assert found.watermark == len(names)
    await redis.aclose()


async def rename_last_write(redis: RedisClient, partition: int) -> None:
    """As a worker does that refreshes memberships or keeps counts."""
    store = UserStore(redis, lambda: T)
    watermark = (await store.open(partition)).watermark
    assert await store.apply(partition, watermark, watermark, [])


async def test_what_is_told_of_a_partition_is_all_of_one_moment(
    client: httpx.AsyncClient, users: StoredUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Digests.of

    async def and_write(self: Digests, partition: int) -> object:
        found = await make(self, partition)
        await users.apply([event("visit", T, "u-42")])
        return found

    monkeypatch.setattr(Digests, "of", and_write)
    partition = partition_of("u-42", 8)
    found = await status(client, partition=partition)
    assert (found["digest"], found["partitions"][0]["watermark"]) == (None, 1)


async def test_none_is_told_of_a_partition_under_repair(
    client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers
) -> None:
    await users.apply([event("visit", T, "u-42")])
    partition = partition_of("u-42", settings.partitions)
    redis: RedisClient = connect(settings.redis_url, timeout_s=5)
    await redis.set(keys.watermark(partition), encode_repair("rebuild", "1"))
    await redis.aclose()
    found = await status(client)
    assert found["digest"] is None
    told = {row["partition"]: row["digest"] for row in found["partitions"]}
    assert told == {number: None if number == partition else NONE for number in range(settings.partitions)}
