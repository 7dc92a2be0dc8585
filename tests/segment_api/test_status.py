"""The status page: how far everything is."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.runtime.event_log.embedded import EmbeddedWriter
from services.runtime.event_log.port import Message
from services.runtime.redis_client import connect
from services.segment_api.settings import ApiSettings
from services.segmentation.wire import keys
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event


@pytest.fixture
async def writer(settings: ApiSettings) -> AsyncIterator[EmbeddedWriter]:
    writer = EmbeddedWriter(connect(settings.redis_url, timeout_s=2))
    yield writer
    await writer.close()


async def test_nothing_has_happened_yet(client: httpx.AsyncClient) -> None:
    row = {"end": 0, "watermark": 0, "refreshed": 0}
    assert (await client.get("/v1/status")).json() == {
        "lag": 0,
        "users": 0,
        "catalog_version": 0,
        "refreshed": 0,
        "partitions": [{"partition": number, **row} for number in range(8)],
    }


async def test_lag_is_what_is_in_the_log_and_not_applied(
    client: httpx.AsyncClient, settings: ApiSettings, writer: EmbeddedWriter
) -> None:
    await writer.append([Message(partition, b"k", b"v") for partition in (0, 0, 0, 5)])
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.set(keys.watermark(0), 2)
    await redis.aclose()
    status = (await client.get("/v1/status")).json()
    assert status["lag"] == 2
    assert status["partitions"][0] == {"partition": 0, "end": 3, "watermark": 2, "refreshed": 0}
    assert status["partitions"][5] == {"partition": 5, "end": 1, "watermark": 0, "refreshed": 0}


async def test_users_of_all_partitions_are_counted(client: httpx.AsyncClient, users: StoredUsers) -> None:
    for index in range(20):
        await users.apply([event("visit", 1, f"u{index}")])
    assert (await client.get("/v1/status")).json()["users"] == 20


async def test_the_catalog_has_reached_what_every_partition_has(
    client: httpx.AsyncClient, settings: ApiSettings
) -> None:
    for number in range(3):
        await put(client, f"s{number}", "count('visit') >= 1")
    redis = connect(settings.redis_url, timeout_s=2)
    for partition in range(8):
        await redis.set(keys.refreshed(partition), 2 if partition == 3 else 3)
    await redis.aclose()
    status = (await client.get("/v1/status")).json()
    assert (status["catalog_version"], status["refreshed"]) == (3, 2)


async def test_it_works_on_a_cluster(settings: ApiSettings, clean_redis_cluster_url: str) -> None:
    url = clean_redis_cluster_url.replace("redis://", "redis+cluster://")
    async with client_of(settings.model_copy(update={"redis_url": url})) as client:
        assert (await put(client, "s", "count('visit') >= 1")).status_code == 201
        status = (await client.get("/v1/status")).json()
    assert (status["catalog_version"], len(status["partitions"])) == (1, 8)
