"""Lists through the API: who gets onto the log, what is told of it, and that OpenAPI says so."""

from collections.abc import AsyncIterator

import httpx
import jsonschema
import pytest
from redis.crc import key_slot

from services.runtime.clock import now_ms
from services.segment_api.lists.store import LISTS_KEY, MAX_UPLOADS
from services.segmentation.events import ListEntry
from services.segmentation.partitions import partition_of
from services.segmentation.wire import keys
from tests.segment_api.lists_api import LINES, PARTITIONS, Limits, ListsApi, lists_api
from tests.segment_api.running import problem

DAY_MS = 86_400_000


@pytest.fixture
async def api(clean_redis_url: str) -> AsyncIterator[ListsApi]:
    async with lists_api(clean_redis_url) as api:
        yield api


async def test_ids_become_entries_on_their_users_partitions(api: ListsApi) -> None:
    before_ms = now_ms()
    users = [f"u-{number}" for number in range(20)]
    answer = await api.upload("vip", users, space="shop")
    assert answer.status_code == 202
    assert {**answer.json(), "upload": None} == {
        "upload": None,
        "lines": 20,
        "accepted": 20,
        "rejected": 0,
        "errors": [],
    }
    records = await api.records()
    assert {record.key.decode() for record in records} == set(users)
    assert all(record.partition == partition_of(record.key, PARTITIONS) for record in records)
    entry = (await api.entries())["u-7"]
    expected = ListEntry(entry.event_id, "u-7", "vip", entry.ts_ms, "shop", listed=True, until_ms=None)
    assert entry == expected
    assert before_ms <= entry.ts_ms <= now_ms()


async def test_expiry_can_be_a_date_time_or_a_duration_from_the_upload_on(api: ListsApi) -> None:
    await api.upload("one", ["a"], expires="2100-01-01T00:00:00Z")
    await api.upload("two", ["b"], **{"for": "30d"})
    entries = await api.entries()
    assert entries["a"].until_ms == 4_102_444_800_000
    assert entries["b"].until_ms == entries["b"].ts_ms + 30 * DAY_MS


@pytest.mark.parametrize(
    "params",
    [
        {"expires": 1_000},
        {"expires": "tomorrow"},
        {"expires": 4_102_444_800_000, "for": "30d"},
        {"for": "1 month"},
        {"for": "0d"},
        {"for": "500000w"},
        {"space": "A"},
        {"upload": "a b"},
        {"skip": -1},
    ],
)
async def test_parameters_that_do_not_fit_are_refused(api: ListsApi, params: dict[str, str]) -> None:
    answer = await api.upload("vip", ["a"], **params)
    assert answer.status_code == 422
    problem(answer)
    assert await api.records() == []
    assert (await api.client.get("/v1/lists/vip")).status_code == 404


async def test_removal_takes_ids_off_and_minds_no_expiry(api: ListsApi) -> None:
    await api.upload("vip", ["a"], **{"for": "1d"})
    added = (await api.entries())["a"]
    assert (await api.remove("vip", "a\n")).json()["accepted"] == 1
    removed = (await api.entries())["a"]
    assert (removed.listed, removed.until_ms) == (False, None)
    assert removed.ts_ms > added.ts_ms


async def test_what_was_uploaded_and_who_uses_it_is_told(api: ListsApi) -> None:
    await api.upload("vip", ["a", "bad id"], expires=4_102_444_800_000, author="ann", upload="monday")
    await api.remove("vip", "a", upload="tuesday")
    await api.define(gold="listed('vip') and count('view') > 1", out="not listed('blocked')", free="count('x') > 1")
    lists = (await api.client.get("/v1/lists")).json()["lists"]
    assert [each["id"] for each in lists] == ["blocked", "vip"]
    assert lists[1] == (await api.client.get("/v1/lists/vip")).json()
    assert (lists[0]["used_by"], lists[1]["used_by"]) == (["out"], ["gold"])
    second, first = lists[1]["uploads"]
    assert second["at"] > first["at"]
    assert {**first, "at": None} == {
        "upload": "monday",
        "action": "add",
        "at": None,
        "space": "default",
        "expires": 4_102_444_800_000,
        "author": "ann",
        "lines": 2,
        "accepted": 1,
        "rejected": 1,
        "ended": True,
    }
    assert (second["upload"], second["action"]) == ("tuesday", "remove")


async def test_the_last_uploads_are_remembered(api: ListsApi) -> None:
    for number in range(MAX_UPLOADS + 5):
        await api.upload("vip", ["a"], upload=f"n{number}")
    uploads = (await api.client.get("/v1/lists/vip")).json()["uploads"]
    assert [each["upload"] for each in uploads] == [f"n{number}" for number in range(MAX_UPLOADS + 4, 4, -1)]


async def test_a_list_is_forgotten_only_when_no_segment_names_it(api: ListsApi) -> None:
    await api.upload("vip", ["a"])
    await api.define(gold="listed('vip')")
    refused = await api.client.delete("/v1/lists/vip")
    assert (refused.status_code, problem(refused)["used_by"]) == (409, ["gold"])
    await api.define(gold="count('view') > 1")
    assert (await api.client.delete("/v1/lists/vip")).status_code == 204
    for answer in (await api.client.delete("/v1/lists/vip"), await api.client.get("/v1/lists/vip")):
        assert answer.status_code == 404
        problem(answer)


async def test_the_record_lies_in_the_slot_of_the_catalog(api: ListsApi) -> None:
    await api.upload("vip", ["a"])
    assert await api.redis.exists(LISTS_KEY)
    assert key_slot(LISTS_KEY.encode()) == key_slot(keys.CATALOG.encode())


@pytest.mark.parametrize("list_id", ["A", "-a", "a b", "é", "a" * 65, "a.b"])
async def test_an_id_that_does_not_fit_is_refused(api: ListsApi, list_id: str) -> None:
    for answer in (await api.upload(list_id, ["a"]), await api.client.get(f"/v1/lists/{list_id}")):
        assert answer.status_code == 422
        problem(answer)


async def test_lists_cannot_be_replaced_as_a_whole(api: ListsApi) -> None:
    answer = await api.client.put("/v1/lists/vip/members", content="a", headers=LINES)
    assert answer.status_code == 405
    problem(answer)


@pytest.fixture
async def document(api: ListsApi) -> dict[str, object]:
    content: dict[str, object] = (await api.client.get("/openapi.json")).json()
    return content


async def test_answers_are_as_documented(api: ListsApi, document: dict[str, object]) -> None:
    members, one = "/v1/lists/{list_id}/members", "/v1/lists/{list_id}"
    answers = [
        ("post", members, await api.upload("vip", ["a", "bad id"])),
        ("post", members, await api.upload("vip", "bad id")),
        ("post", members, await api.upload("vip", "a", skip=-1)),
        ("post", members, await api.upload("vip", "a", {"Content-Type": "image/png"})),
        ("post", members, await api.upload("vip", "a", upload="x")),
        ("post", members, await api.upload("vip", "a", upload="x", space="b")),
        ("post", f"{members}/remove", await api.remove("vip", "a")),
        ("post", f"{members}/remove", await api.remove("vip", "a@b")),
        ("get", "/v1/lists", await api.client.get("/v1/lists")),
        ("get", one, await api.client.get("/v1/lists/vip")),
        ("get", one, await api.client.get("/v1/lists/none")),
        ("delete", one, await api.client.delete("/v1/lists/vip")),
        ("delete", one, await api.client.delete("/v1/lists/vip")),
    ]
    for method, path, answer in answers:
        _check(document, method, path, answer)


async def test_a_refusal_of_the_log_is_as_documented(clean_redis_url: str) -> None:
    async with lists_api(clean_redis_url, Limits(max_lag=0)) as api:
        answer = await api.upload("vip", ["a"])
        assert answer.status_code == 503
        _check((await api.client.get("/openapi.json")).json(), "post", "/v1/lists/{list_id}/members", answer)


def _check(document: dict[str, object], method: str, path: str, answer: httpx.Response) -> None:
    operation = document["paths"][path][method]  # type: ignore[index]
    assert operation["summary"]
    assert operation["tags"] == ["lists"]
    documented = operation["responses"][str(answer.status_code)]
    assert set(documented.get("headers", {})) <= {name.title() for name in answer.headers}
    if answer.status_code == 204:
        assert "content" not in documented
        return
    schema = documented["content"][answer.headers["content-type"]]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
