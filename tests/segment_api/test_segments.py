"""Segments through the API: created, replaced, listed, deleted, by several writers at once; and what is refused."""

import asyncio
import time

import httpx
import orjson
import pytest

from services.runtime.redis_client import connect
from services.runtime.watched import WatchedValue
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire import keys
from tests.segment_api.running import client_of, lookup, problem, put, until
from tests.segment_api.stored import StoredUsers, event

RULE = "count('visit', within='1h') >= 1"


async def test_a_new_segment_is_created_and_an_old_one_replaced(client: httpx.AsyncClient) -> None:
    created, replaced = await put(client, "new", RULE), await put(client, "new", "count('visit') >= 2", purposes=[1])
    assert (created.status_code, replaced.status_code) == (201, 200)
    expected = {"id": "new", "version": 2, "name": "A", "rule": "count('visit') >= 2", "purposes": [1]}
    expected |= {"description": "", "taxonomy": {}, "status": "live", "owner": "api", "size": 0}
    one, listed = (await client.get("/v1/segments/new")).json(), (await client.get("/v1/segments")).json()
    assert listed["segments"] == [expected]
    assert replaced.json() == {**expected, "size": None, "covered_since": None, "warnings": []}
    assert {each["size"] for each in one.pop("size_forecast") + one.pop("size_history")} == {0}
    assert one == {**expected, "refreshed": 1.0, "covered_since": None}


async def test_the_list_is_sorted_by_id(client: httpx.AsyncClient) -> None:
    for segment_id in ("b", "c", "a"):
        await put(client, segment_id, RULE)
    content = (await client.get("/v1/segments")).json()
    assert content["catalog_version"] == 3
    assert [each["id"] for each in content["segments"]] == ["a", "b", "c"]


async def test_the_list_can_be_that_of_drafts(client: httpx.AsyncClient) -> None:
    await put(client, "a", RULE, status="draft")
    await put(client, "b", RULE)
    shown = {}
    for status in ("draft", "live"):
        content = (await client.get("/v1/segments", params={"status": status})).json()
        shown[status] = [(each["id"], each["status"]) for each in content["segments"]]
    assert shown == {"draft": [("a", "draft")], "live": [("b", "live")]}
    assert problem(await client.get("/v1/segments", params={"status": "old"}))["status"] == 422


async def test_putting_what_is_there_changes_nothing(client: httpx.AsyncClient) -> None:
    first, second = await put(client, "same", RULE), await put(client, "same", RULE)
    assert (second.status_code, second.json()) == (200, first.json())
    assert (await client.get("/v1/segments")).json()["catalog_version"] == 1


async def test_a_deleted_segment_is_gone(client: httpx.AsyncClient) -> None:
    await put(client, "old", RULE)
    assert (await client.delete("/v1/segments/old")).status_code == 204
    for response in (await client.delete("/v1/segments/old"), await client.get("/v1/segments/old")):
        assert response.status_code == 404
        problem(response)
    assert (await put(client, "old", RULE)).status_code == 201


async def test_a_bad_rule_is_told_where_and_why(client: httpx.AsyncClient) -> None:
    response = await put(client, "bad", "count('visit') >= 1 and\n count('visit') >= 'x'")
    assert response.status_code == 422
    fields = problem(response)
    assert (fields["line"], fields["column"], fields["found"], fields["expected"]) == (2, 20, "'x'", "a number")
    assert (await client.get("/v1/segments/bad")).status_code == 404


async def test_a_segment_that_others_are_made_of_is_not_deleted(client: httpx.AsyncClient) -> None:
    await put(client, "base", RULE)
    for name in ("b", "a"):
        assert (await put(client, name, "segment('base')")).status_code == 201
    refused = await client.delete("/v1/segments/base")
    assert refused.status_code == 409
    assert problem(refused)["used_by"] == ["a", "b"]
    assert problem(refused)["detail"].endswith("a, b")
    assert (await client.get("/v1/segments")).json()["catalog_version"] == 3
    for name in ("a", "b", "base"):
        assert (await client.delete(f"/v1/segments/{name}")).status_code == 204


async def test_a_segment_made_of_itself_or_of_nothing_is_refused(client: httpx.AsyncClient) -> None:
    await put(client, "base", RULE)
    await put(client, "a", "segment('base')")
    cycle, unknown = await put(client, "base", "segment('a')"), await put(client, "b", "not\\\n segment('bas')")
    assert (cycle.status_code, unknown.status_code) == (422, 422)
    assert "base -> a -> base" in problem(cycle)["expected"]
    assert problem(unknown)["line"] == 2
    assert "bas" in problem(unknown)["found"]
    assert (await client.get("/v1/segments")).json()["catalog_version"] == 2


async def test_a_rule_about_what_is_not_kept_is_told_what_is(settings: ApiSettings) -> None:
    async with client_of(settings.model_copy(update={"keep": "category brand"})) as client:
        assert (await put(client, "good", "count('visit', brand='x') >= 1")).status_code == 201
        fields = problem(await put(client, "bad", "count('visit', size=4) >= 1"))
    assert "size" in fields["found"]
    assert "brand category" in fields["expected"]


@pytest.mark.parametrize("segment_id", ["A", "-a", "a b", "é", "a" * 65, "a%0A", "a.b"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_id_that_does_not_fit_is_refused(client: httpx.AsyncClient, method: str, segment_id: str) -> None:
    response = await client.request(method, f"/v1/segments/{segment_id}", json={"name": "A", "rule": RULE})
    assert response.status_code == 422
    problem(response)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"name": "A"}',
        b'{"name": "", "rule": "count(\'x\') > 1"}',
        b'{"name": 1, "rule": "count(\'x\') > 1"}',
        b'{"name": "A", "rule": 1}',
        b'{"name": "A", "rule": ""}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "more": 1}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "purposes": [0]}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "status": "asleep"}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "purposes": [true]}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "purposes": NaN}',
        b'{"name": "A", "rule": "count(\'x\') > 1", "taxonomy": {"x": [1]}}',
        b'{"name": "\\ud800", "rule": "count(\'x\') > 1"}',
        b'{"name": "\xff", "rule": "count(\'x\') > 1"}',
        b'{"name": "A", "rule": "trait(\'\\\\ud800\') > [\'\\\\ud800\']"}',
        b'{"name": "A", "rule": "trait(\'\\\\ud800\', 1)"}',
        b'{"name": "A", "rule": "since(\'x\') > \'\\\\ud800\'"}',
        b'{"name": "A", "rule": "count(\'x\', **{\'\\\\ud800\': 1}) > 1"}',
        b'{"name": "A", "rule": "count(\'x\', where={\'\\\\ud800\': {}}) > 1"}',
        b'{"name": "A", "rule": "\\u0000"}',
        b'{"name": "A", "rule": "' + b"(" * 9_000 + b'"}',
        b'{"name": "A", "rule": "' + b"not " * 2_000 + b'True"}',
        b'{"name": "A", "rule": "count(\'x\') > ' + b"9" * 9_000 + b'"}',
        b'{"name": "A", "rule": "count(\'x\') > 1e999"}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_does_not_fit_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.put("/v1/segments/bad", content=body)
    assert response.status_code == 422
    problem(response)
    assert (await client.get("/v1/segments")).json() == {"catalog_version": 0, "segments": []}


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    body = orjson.dumps({"name": "A", "rule": RULE, "description": "x" * 1_000_000})
    response = await client.put("/v1/segments/large", content=body)
    assert response.status_code == 413
    problem(response)


async def test_no_edit_is_lost_among_two_writers(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        responses = await asyncio.gather(
            *(
                put(client, f"{name}-{index}", RULE)
                for index in range(20)
                for name, client in (("a", one), ("b", other))
            )
        )
        assert {response.status_code for response in responses} == {201}
        listed = (await one.get("/v1/segments")).json()
        assert {each["id"] for each in listed["segments"]} == {
            f"{name}-{index}" for index in range(20) for name in "ab"
        }
        assert sorted(each["version"] for each in listed["segments"]) == list(range(1, 41))


async def test_of_many_who_create_the_same_segment_one_does(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        puts = [put(client, "same", RULE) for client in (one, other) * 5]
        statuses = sorted(response.status_code for response in await asyncio.gather(*puts))
        deletes = [client.delete("/v1/segments/same") for client in (one, other) * 5]
        deleted = sorted(response.status_code for response in await asyncio.gather(*deletes))
    assert statuses == [200] * 9 + [201]
    assert deleted == [204] + [404] * 9


async def test_a_change_tells_what_it_made_even_if_somebody_undoes_it_at_once(settings: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    other = CatalogStore(redis, watched_catalog(redis))

    class UndoneAfterTheWrite(WatchedValue[Catalog]):
        looks = 0

        async def refresh(self) -> Catalog:
            self.looks += 1
            if self.looks == 2:
                await other.change(lambda catalog: catalog.delete("x"))
            return await super().refresh()

    store = CatalogStore(redis, UndoneAfterTheWrite(redis, keys.CATALOG, Catalog.decode, Catalog()))
    definition = SegmentDefinition(name="A", rule=RULE)
    before, after = await store.change(lambda catalog: catalog.put("x", definition, KEEP_ALL))
    assert (list(before.segments), list(after.segments)) == ([], ["x"])
    assert list((await store.read()).segments) == []
    await redis.aclose()


async def test_an_edit_is_live_within_a_second_on_every_process(settings: ApiSettings, users: StoredUsers) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        await put(one, "visitors", RULE)
        now_ms = time.time_ns() // 1_000_000
        await users.apply([event("visit", now_ms)])

        async def shown() -> bool:
            return "visitors" in (await lookup(other, "u-42", at=now_ms, fields="ids"))["segments"]

        async def hidden() -> bool:
            return not await shown()

        await until(shown, 1)
        await one.delete("/v1/segments/visitors")
        assert (await lookup(one, "u-42", at=now_ms))["segments"] == []
        await until(hidden, 1)


async def test_a_catalog_that_was_lost_begins_anew(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    await put(client, "lost", RULE)
    await emptied(settings)
    assert (await client.get("/v1/segments")).json() == {"catalog_version": 0, "segments": []}
    assert (await put(client, "new", RULE)).status_code == 201


async def test_a_catalog_of_a_newer_version_leaves_lookups_alone_and_refuses_edits(
    client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers
) -> None:
    await put(client, "visitors", "count('visit') >= 1")
    await users.apply([event("visit", 1)])
    newer = {"version": 2, "next_ordinal": 0, "segments": [{"id": "visitors", "shape": "new"}]}
    await written(settings, 2, orjson.dumps(newer))
    for refused in (await client.get("/v1/segments"), await put(client, "x", RULE)):
        assert refused.status_code == 503
        problem(refused)
    await asyncio.sleep(0.6)
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["visitors"]
    await emptied(settings)
    await until(lambda: listed(client), 2)


async def listed(client: httpx.AsyncClient) -> bool:
    return (await client.get("/v1/segments")).is_success


async def written(settings: ApiSettings, version: int, document: bytes) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.hset(keys.CATALOG, mapping={"version": version, "document": document})
    await redis.aclose()


async def emptied(settings: ApiSettings) -> None:
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.delete(keys.CATALOG)
    await redis.aclose()
