"""The collector over the real embedded log: what it accepted is there, and without Redis it accepts nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from services.collector.app import open_app
from services.collector.settings import CollectorSettings
from services.runtime.event_log.embedded import EmbeddedReader
from services.runtime.event_log.port import Record
from services.runtime.partition_count import PartitionCountDiffers
from services.runtime.redis_client import connect
from services.segmentation.events import decode_fact
from tests.collector.examples import event
from tests.support.servers import redis_server

PARTITIONS = 8


@asynccontextmanager
async def collector(redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(CollectorSettings(redis_url=redis_url, partitions=PARTITIONS)))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector")
        yield await stack.enter_async_context(client)


async def records_of(redis_url: str) -> list[Record]:
    reader = EmbeddedReader(connect(redis_url, timeout_s=2), range(PARTITIONS))
    for partition in range(PARTITIONS):
        await reader.seek(partition, 0)
    records = list(await reader.poll(10_000, 1))
    await reader.close()
    return records


async def test_what_is_accepted_is_in_the_log_of_the_users_partition_in_order(clean_redis_url: str) -> None:
    sent = [event(event_id=f"e-{index}", user_id=f"u-{index % 20}") for index in range(400)]
    async with collector(clean_redis_url) as client:
        response = await client.post("/v1/events", content=orjson.dumps([*sent, {"not": "an event"}]))
    assert (response.status_code, response.json()["accepted"]) == (202, 400)
    found = [(decode_fact(record.value, record.appended_ms), record) for record in await records_of(clean_redis_url)]
    for user_id in {each["user_id"] for each in sent}:
        ids = [each.event_id for each, _ in found if each.user_id == user_id]
        assert ids == [each["event_id"] for each in sent if each["user_id"] == user_id]
    assert len({(record.key, record.partition) for _, record in found}) == 20


async def test_another_number_of_partitions_than_the_log_has_is_refused_at_start(clean_redis_url: str) -> None:
    async with collector(clean_redis_url):
        pass
    with pytest.raises(PartitionCountDiffers):
        async with open_app(CollectorSettings(redis_url=clean_redis_url, partitions=PARTITIONS + 1)):
            pass


async def test_without_redis_nothing_is_accepted_and_with_it_all_is_again(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        async with collector(server.url) as client:
            assert (await client.get("/readyz")).status_code == 200
            server.stop()
            refused = await client.post("/v1/events", content=orjson.dumps(event()))
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert (await client.get("/readyz")).json()["missing"] == ["the event log"]
            server.start()
            accepted = await client.post("/v1/events", content=orjson.dumps(event()))
            assert accepted.status_code == 202
            assert len(await records_of(server.url)) == 1
