"""An export while users come, events come, and Redis goes."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.types import Message

from services.runtime.redis_client import connect
from services.segment_api.export.export import Export
from services.segment_api.export.place import Place
from services.segment_api.segments.catalog_store import watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.events import Event
from services.segmentation.time_zones import TimeZones
from tests.segment_api.crowd import previewed, store_all, tools_of
from tests.segment_api.exporting import HOUR, NOW, exported, members_of, shoppers
from tests.segment_api.running import client_of, lookup, put
from tests.segment_api.stored import event
from tests.support.servers import redis_server


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """Few partitions, so that an index is large enough to be walked in pages."""
    return settings.model_copy(update={"partitions": 2})


class TestWhileEverythingElseGoesOn:
    async def test_whoever_is_a_member_all_the_time_is_told_once(
        self, client: httpx.AsyncClient, settings: ApiSettings
    ) -> None:
        """Users come, events come, and the tables of the index grow to the fourfold while it is walked."""
        await put(client, "visitors", "count('visit') >= 1")
        constant = {f"u{index}": [event("visit", NOW - HOUR, f"u{index}")] for index in range(300)}
        await store_all(settings, constant)
        newcomers = {f"n{index}": [event("visit", NOW, f"n{index}")] for index in range(1_500)}
        async with tools_of(settings, page_users=10) as tools:
            writing = asyncio.create_task(_write_slowly(settings, newcomers))
            lines = await exported(tools, "visitors")
            await writing
        found = members_of(lines)
        assert set(constant) <= set(found) <= set(constant) | set(newcomers)
        assert lines[-1] == {"next": None, "members": len(found), "unreadable": 0}

    async def test_another_server_is_asked_from_the_beginning_of_the_partition(self, tmp_path: Path) -> None:
        """A server that was started again keeps its users in another order: an old cursor would miss some."""
        with redis_server(tmp_path) as server:
            settings = ApiSettings(redis_url=server.url, partitions=2)
            async with client_of(settings) as client, tools_of(settings, page_users=40) as tools:
                await put(client, "visitors", "count('visit') >= 1")
                await store_all(settings, shoppers(400))
                told = await exported(tools, "visitors", limit=30)
            server.stop()
            server.start()
            async with tools_of(settings, page_users=40) as tools:
                told += await exported(tools, "visitors", **{"from": told[-1]["next"]})
        rows = [line["user_id"] for line in told if "user_id" in line]
        assert set(rows) == {f"u{index}" for index in range(400)}
        assert len(rows) > 400  # those of the first part again

    async def test_redis_may_be_away_for_a_while(self, tmp_path: Path) -> None:
        with redis_server(tmp_path) as server:
            settings = ApiSettings(redis_url=server.url, partitions=2)
            async with client_of(settings) as client:
                await put(client, "visitors", "count('visit') >= 1")
                await store_all(settings, shoppers(400))
            redis = connect(server.url, timeout_s=2)
            catalog = await watched_catalog(redis).refresh()
            pages = Export(redis, lambda: catalog, 2, TimeZones(), False, _fail, page_users=40).pages(
                "visitors", Place(catalog.version, NOW, "default")
            )
            told = [await anext(pages)]
            server.stop()
            back = asyncio.get_running_loop().call_later(0.5, server.start)
            told += [page async for page in pages]
            back.cancel()
            await redis.aclose()
        users = [member.user_id for page in told for member in page.members]
        assert (len(users), set(users)) == (400, {f"u{index}" for index in range(400)})
        assert told[-1].is_last

    async def test_a_stream_is_cut_off_without_its_end_where_redis_stays_away(self, tmp_path: Path) -> None:
        with redis_server(tmp_path) as server:
            settings = ApiSettings(redis_url=server.url, partitions=2)
            async with client_of(settings) as client:
                await put(client, "visitors", "count('visit') >= 1")
                await store_all(settings, shoppers(400))
            async with tools_of(settings, page_users=40, patience_s=0.3) as tools:
                path = "/v1/segments/visitors/members"
                sent = await _sent(tools, path, after=2, then=server.stop)
        lines = [orjson.loads(line) for line in b"".join(sent).splitlines()]
        assert lines[-1]["next"]
        assert 40 <= len(members_of(lines)) < 400
        assert sent[-1] == b""  # the answer itself ends as it should


async def test_a_cluster_is_sampled_and_exported_as_a_single_server_is(clean_redis_cluster_url: str) -> None:
    url = clean_redis_cluster_url.replace("redis://", "redis+cluster://")
    settings = ApiSettings(redis_url=url, partitions=8, lookup_deadline_ms=5_000)
    users = {f"u{index}": [event("visit", NOW, f"u{index}")] for index in range(400)}
    async with client_of(settings) as client, tools_of(settings, page_users=20) as tools:
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, users)
        assert set(members_of(await exported(tools, "visitors"))) == set(users)
        answer = await previewed(tools, "count('visit') >= 1")
        assert (answer["users"], answer["size"], answer["overlaps"][0]["users"]) == (400, 400, 400)
        assert len((await lookup(client, "u1"))["segments"]) == 1


async def _write_slowly(settings: ApiSettings, users: dict[str, list[Event]]) -> None:
    names = list(users)
    for begin in range(0, len(names), 50):
        await store_all(settings, {name: users[name] for name in names[begin : begin + 50]})
        await store_all(settings, {f"u{begin % 300}": [event("visit", NOW + begin, f"u{begin % 300}")]})


async def _sent(tools: httpx.AsyncClient, path: str, after: int, then: Any) -> list[bytes]:
    """The bodies that an app sends, which does something after so many of them."""
    app, bodies = tools._transport.app, []  # type: ignore[attr-defined]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])
            if len(bodies) == after:
                then()

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    await app(scope, _nothing, send)
    return bodies


async def _nothing() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def _fail(error: Exception) -> None:
    pytest.fail(f"a user could not be read: {error}")
