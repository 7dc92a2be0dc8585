"""What the history of a segment tells of its edits, and the way back to what was in force after one of them."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import httpx
import orjson
import pytest

from services.runtime.redis_client import connect
from services.segment_api.segments import history
from services.segment_api.segments.catalog_store import CatalogStore, watched_catalog
from services.segment_api.segments.history import Note
from services.segment_api.settings import ApiSettings
from services.segmentation.catalog import SegmentDefinition
from services.segmentation.keep import KEEP_ALL
from tests.segment_api.running import client_of, problem, put


def rule(number: int) -> str:
    return f"count('visit') >= {number}"


async def signed(client: httpx.AsyncClient, segment_id: str, number: int, **params: Any) -> httpx.Response:
    body = orjson.dumps({"name": "A", "rule": rule(number)})
    return await client.put(f"/v1/segments/{segment_id}", content=body, params=params)


async def rollback(client: httpx.AsyncClient, segment_id: str, to: int, **params: Any) -> httpx.Response:
    return await client.post(f"/v1/segments/{segment_id}/rollback", params={"to": to, **params})


async def told(client: httpx.AsyncClient, segment_id: str, **params: Any) -> list[dict[str, Any]]:
    response = await client.get(f"/v1/segments/{segment_id}/history", params=params)
    assert response.status_code == 200, response.text
    assert response.json()["id"] == segment_id
    entries: list[dict[str, Any]] = response.json()["entries"]
    return entries


async def test_it_tells_who_made_each_edit_when_and_why_the_newest_first(client: httpx.AsyncClient) -> None:
    began_ms = time.time_ns() // 1_000_000
    await signed(client, "a", 1, author="Zoé", reason="the spring campaign")
    await put(client, "other", rule(9))
    await signed(client, "a", 2)
    await client.delete("/v1/segments/a", params={"author": "Ben", "reason": "over"})
    entries = await told(client, "a")
    assert [(each["version"], each["action"], each["author"], each["reason"], each["by"]) for each in entries] == [
        (4, "delete", "Ben", "over", "api"),
        (3, "put", None, None, "api"),
        (1, "put", "Zoé", "the spring campaign", "api"),
    ]
    assert entries[0]["definition"] is None
    assert [each["definition"]["rule"] for each in entries[1:]] == [rule(2), rule(1)]
    moments = [each["at"] for each in entries]
    assert began_ms <= moments[2] <= moments[1] <= moments[0] <= time.time_ns() // 1_000_000


async def test_what_changed_nothing_is_no_edit(client: httpx.AsyncClient) -> None:
    await signed(client, "a", 1)
    await signed(client, "a", 1, author="Zoé")
    await rollback(client, "a", 1)
    assert [each["version"] for each in await told(client, "a")] == [1]


async def test_a_limit_gives_the_newest(client: httpx.AsyncClient) -> None:
    for number in range(1, 5):
        await signed(client, "a", number)
    assert [each["version"] for each in await told(client, "a", limit=2)] == [4, 3]
    for limit in (0, 1_001, "x"):
        refused = await client.get("/v1/segments/a/history", params={"limit": limit})
        assert problem(refused)["status"] == 422


async def test_only_what_never_was_has_no_history(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    assert problem(await client.get("/v1/segments/never/history"))["status"] == 404
    await signed(client, "a", 1)
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.delete(history.key("a"))  # as of a catalog from before there were histories
    await redis.aclose()
    assert await told(client, "a") == []


@pytest.mark.parametrize("params", [{"author": "x" * 101}, {"reason": "x" * 501}])
async def test_an_author_or_a_reason_that_is_too_long_is_refused(
    client: httpx.AsyncClient, params: dict[str, str]
) -> None:
    await signed(client, "a", 1, author="x" * 100, reason="x" * 500)
    calls = [
        signed(client, "a", 2, **params),
        client.delete("/v1/segments/a", params=params),
        rollback(client, "a", 1, **params),
    ]
    assert [problem(response)["status"] for response in await asyncio.gather(*calls)] == [422] * 3
    assert len(await told(client, "a")) == 1


async def test_a_rollback_puts_what_was_in_force_and_is_an_edit_itself(client: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await signed(client, "a", number)
    response = await rollback(client, "a", 1)
    assert (response.status_code, response.json()["rule"], response.json()["version"]) == (200, rule(1), 3)
    assert (await client.get("/v1/segments/a")).json()["rule"] == rule(1)
    entries = await told(client, "a")
    assert [(each["version"], each["action"]) for each in entries] == [(3, "rollback"), (2, "put"), (1, "put")]
    assert entries[0]["definition"] == entries[2]["definition"]


async def test_a_rollback_tells_who_and_why(client: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await signed(client, "a", number)
    await rollback(client, "a", 1, author="Zoé", reason="a typo")
    newest = (await told(client, "a"))[0]
    assert (newest["author"], newest["reason"], newest["by"]) == ("Zoé", "a typo", "api")


async def test_a_rollback_brings_a_deleted_segment_back(client: httpx.AsyncClient) -> None:
    await signed(client, "a", 1)
    await client.delete("/v1/segments/a")
    assert (await rollback(client, "a", 1)).status_code == 200
    assert (await client.get("/v1/segments/a")).json()["rule"] == rule(1)
    assert [each["action"] for each in await told(client, "a")] == ["rollback", "delete", "put"]


async def test_a_rollback_to_no_edit_or_to_a_deletion_is_refused(client: httpx.AsyncClient) -> None:
    await signed(client, "a", 1)
    await signed(client, "b", 1)
    await client.delete("/v1/segments/a")
    statuses = [(await rollback(client, *where)).status_code for where in (("never", 1), ("a", 2), ("a", 3), ("a", 0))]
    assert statuses == [404, 404, 422, 422]
    assert problem(await client.post("/v1/segments/a/rollback"))["status"] == 422
    assert (await client.get("/v1/segments")).json()["catalog_version"] == 3


async def test_a_rollback_is_checked_like_any_edit(settings: ApiSettings) -> None:
    async with client_of(settings) as client:
        await put(client, "a", "count('visit', brand='x') >= 1")
        await put(client, "base", rule(1))
        await put(client, "b", "segment('base')")
        for changed in ("a", "b"):
            await put(client, changed, rule(2))
        await client.delete("/v1/segments/base")
    async with client_of(settings.model_copy(update={"keep": "category"})) as client:
        not_kept, gone = await rollback(client, "a", 1), await rollback(client, "b", 3)
    assert (problem(not_kept)["status"], problem(gone)["status"]) == (422, 422)
    assert "brand" in problem(not_kept)["found"]
    assert "base" in problem(gone)["found"]


async def test_edits_made_at_once_are_all_told_in_their_order(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        edits = [
            signed(client, "a", number + 20 * (client is other), author=f"{number}")
            for number in range(1, 21)
            for client in (one, other)
        ]
        responses = await asyncio.gather(*edits)
        entries = await told(one, "a")
    made = {each.json()["version"]: each.json()["rule"] for each in responses}
    assert [each["version"] for each in entries] == list(range(40, 0, -1))
    assert {each["version"]: each["definition"]["rule"] for each in entries} == made
    assert all(newer["at"] >= older["at"] for newer, older in pairwise(entries))


async def test_only_the_newest_thousand_are_kept(settings: ApiSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_ENTRIES", 3)
    async with client_of(settings) as client:
        for number in range(1, 6):
            await signed(client, "a", number)
        monkeypatch.undo()
        assert [each["version"] for each in await told(client, "a")] == [5, 4, 3]


async def test_a_history_of_a_newer_version_is_left_alone(client: httpx.AsyncClient, settings: ApiSettings) -> None:
    await signed(client, "a", 1)
    redis = connect(settings.redis_url, timeout_s=2)
    await redis.lpush(history.key("a"), b'{"version": 2, "shape": "new"}')
    await redis.aclose()
    for response in (await client.get("/v1/segments/a/history"), await rollback(client, "a", 1)):
        assert problem(response)["status"] == 503


async def test_on_a_cluster_the_catalog_and_the_histories_are_written_together(clean_redis_cluster_url: str) -> None:
    url = clean_redis_cluster_url.replace("redis://", "redis+cluster://")
    redis = connect(url, timeout_s=5)
    store = CatalogStore(redis, watched_catalog(redis))
    definitions = {name: SegmentDefinition(name=name, rule=rule(1)) for name in ("a", "b", "c")}
    await store.change(lambda now: now.put_all(definitions, KEEP_ALL), Note(author="Zoé"))
    for segment_id, definition in definitions.items():
        (entry,) = await store.history(segment_id)
        assert (entry.version, entry.author, entry.definition) == (1, "Zoé", definition)
    await redis.aclose()
