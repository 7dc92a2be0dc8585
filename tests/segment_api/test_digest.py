"""A digest is the same for the same profiles, and another for any others."""

import asyncio
from collections.abc import Sequence
from random import Random

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.runtime.event_log.embedded import EmbeddedReader, EmbeddedWriter
from services.runtime.event_log.port import Message
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import connect
from services.segment_api import digest
from services.segment_api.digest import Digests
from services.segment_api.segments.catalog_store import watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.events import Event, encode_event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.partitions import partition_of
from services.segmentation.time_zones import TimeZones
from services.stream_worker.cache import StateCache
from services.stream_worker.store import UserStore
from services.stream_worker.worker import Worker
from tests.segment_api.digests import NONE, status
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event
from tests.stream_worker.scene import working

T = 1_732_240_000_000


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
