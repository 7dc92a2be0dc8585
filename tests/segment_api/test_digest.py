"""A digest is the same for the same profiles, and another for any others."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedOffsets, EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.port import Message
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import RedisClient, connect
from services.segment_api import digest
from services.segment_api.digest import Digests
from services.segment_api.rests import Pace
from services.segment_api.segments.catalog_store import watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.events import Event, encode_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys
from services.segmentation.wire.watermark import encode_repair
from services.stream_worker.cache import StateCache
from services.stream_worker.repair.fence import Fence
from services.stream_worker.repair.rebuild import rebuild
from services.stream_worker.store import UserStore
from services.stream_worker.worker import Worker
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event
from tests.stream_worker.scene import working

T = 1_732_240_000_000
NONE = "0" * 32
Read = tuple[Any, Sequence[bytes | None]]
"""What one reading brings: when it was, and profiles."""


async def status(client: httpx.AsyncClient, **params: int) -> dict[str, Any]:
    response = await client.get("/v1/status", params={"digest": True, **params})
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


def history(size: int, seed: int = 1) -> list[Event]:
    random = Random(seed)
    return [event("visit", T + random.randrange(10**8), f"u-{random.randrange(60)}") for _ in range(size)]


async def replay(settings: ApiSettings, events: Sequence[Event], turn: int) -> None:
    """Have the log take events and a worker apply them, at most `turn` records in a turn."""
    redis = connect(settings.redis_url, timeout_s=5)
    writer = EmbeddedWriter(redis)
    await writer.append(
        [
            Message(partition_of(each.user_id, settings.partitions), each.user_id.encode(), encode_event(each))
            for each in events
        ]
    )
    worker = Worker(
        EmbeddedReader(redis, range(settings.partitions)),
        writer,
        UserStore(redis, lambda: T),
        StateCache(1_000),
        watched_catalog(redis),
        KEEP_ALL,
        TimeZones(),
        settings.partitions,
        turn,
        WorkerMetrics(CollectorRegistry()),
        lambda: T,
    )
    async with client_of(settings) as client, working(worker), asyncio.timeout(60):
        while (await client.get("/v1/status")).json()["lag"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    await redis.aclose()


async def test_a_replay_with_other_batches_and_repeats_gives_the_same(settings: ApiSettings) -> None:
    events = history(400)
    found = []
    for turn, repeats in ((2_000, 1), (7, 3)):
        redis = connect(settings.redis_url, timeout_s=5)
        await redis.flushdb()
        await redis.aclose()
        again = [each for each in events for _ in range(repeats)]
        await replay(settings, again, turn)
        async with client_of(settings) as client:
            found.append(await status(client))
    first, second = found
    assert first["digest"] == second["digest"] != NONE
    assert [row["digest"] for row in first["partitions"]] == [row["digest"] for row in second["partitions"]]
    assert first["partitions"] != second["partitions"]  # repeats have offsets as well


async def test_it_does_not_depend_on_the_order_or_on_the_catalog(
    client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers
) -> None:
    for name in ("a", "b", "c"):
        await users.apply([event("visit", T, name)])
    forwards = await status(client)
    redis = connect(settings.redis_url, timeout_s=5)
    await redis.flushdb()
    await put(client, "visitors", "count('visit') >= 1")
    for name in ("c", "a", "b"):
        await users.apply([event("visit", T, name)])
    await redis.aclose()
    assert (await status(client))["digest"] == forwards["digest"]


async def test_any_other_profile_or_user_gives_another(client: httpx.AsyncClient, users: StoredUsers) -> None:
    seen = {(await status(client))["digest"]}
    for name, moment in (("a", T), ("a", T + 1), ("b", T), ("c", T)):
        await users.apply([event("visit", moment, name)])
        seen.add((await status(client))["digest"])
    await users.apply([event("visit", T, "a", space="other")])
    seen.add((await status(client))["digest"])
    assert NONE in seen
    assert len(seen) == 6


async def test_two_users_who_change_places_give_another(
    client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers
) -> None:
    found = []
    for kinds in (("visit", "buy"), ("buy", "visit")):
        redis = connect(settings.redis_url, timeout_s=5)
        await redis.flushdb()
        await redis.aclose()
        for name, kind in zip(("a", "b"), kinds, strict=True):
            await users.apply([event(kind, T, name)])
        found.append((await status(client))["digest"])
    assert found[0] != found[1]


async def test_the_whole_is_the_sum_of_the_partitions_however_many_they_are(
    client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers, clean_redis_cluster_url: str
) -> None:
    names = [f"u-{number}" for number in range(30)]
    for name in names:
        await users.apply([event("visit", T, name)])
    whole = await status(client)
    single = [await status(client, partition=number) for number in range(settings.partitions)]
    assert [row for each in single for row in each["partitions"]] == whole["partitions"]
    total = sum(int(str(each["digest"]), 16) for each in single) % 2**128
    assert whole["digest"] == f"{total:032x}"
    url = clean_redis_cluster_url.replace("redis://", "redis+cluster://")
    other = settings.model_copy(update={"redis_url": url, "partitions": 3})
    elsewhere = StoredUsers(other)
    for name in reversed(names):
        await elsewhere.apply([event("visit", T, name)])
    await elsewhere.close()
    async with client_of(other) as others:
        assert (await status(others))["digest"] == whole["digest"]


async def test_it_is_read_in_pieces(
    client: httpx.AsyncClient, users: StoredUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        await users.apply([event("visit", T, f"u-{number}")])
    at_once = await status(client)
    monkeypatch.setattr(digest, "A_READ", 2)
    assert await status(client) == at_once


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


async def test_without_being_asked_for_it_is_not_there(client: httpx.AsyncClient) -> None:
    plain = (await client.get("/v1/status")).json()
    assert "digest" not in plain
    assert "digest" not in plain["partitions"][0]


@pytest.mark.parametrize("partition", [8, -1, "x"])
async def test_there_is_no_other_partition(client: httpx.AsyncClient, partition: object) -> None:
    assert (await client.get("/v1/status", params={"partition": str(partition)})).status_code == 422


async def test_one_is_made_at_a_time(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    making, go_on, make = asyncio.Event(), asyncio.Event(), Digests.of

    async def slowly(self: Digests, partition: int) -> object:
        making.set()
        await go_on.wait()
        return await make(self, partition)

    monkeypatch.setattr(Digests, "of", slowly)
    first = asyncio.create_task(status(client))
    await asyncio.wait_for(making.wait(), 5)
    assert (await client.get("/v1/status", params={"digest": True})).status_code == 503
    assert (await client.get("/v1/status")).status_code == 200
    go_on.set()
    assert (await first)["digest"] == NONE
    assert (await status(client))["digest"] == NONE
