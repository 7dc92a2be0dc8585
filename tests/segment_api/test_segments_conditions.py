"""Edits under conditions: whoever read a segment before somebody else edited it does not undo that edit unknowingly."""

import asyncio

import httpx
import orjson
import pytest

from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, problem, put


def rule(number: int) -> str:
    return f"count('visit') >= {number}"


async def put_if(
    client: httpx.AsyncClient, segment_id: str, number: int, match: str | None = None, none_match: str | None = None
) -> httpx.Response:
    conditions = {"If-Match": match, "If-None-Match": none_match}
    headers = {name: value for name, value in conditions.items() if value is not None}
    body = orjson.dumps({"name": "A", "rule": rule(number)})
    return await client.put(f"/v1/segments/{segment_id}", content=body, headers=headers)


async def test_the_entity_tag_is_the_version_of_the_last_edit_of_the_segment(client: httpx.AsyncClient) -> None:
    responses = [await put(client, "a", rule(1)), await put(client, "a", rule(2)), await put(client, "b", rule(1))]
    responses.append(await client.post("/v1/segments/a/rollback", params={"to": 1}))
    assert [each.headers["etag"] for each in responses] == ['"1"', '"2"', '"3"', '"4"']
    read = [await client.get(f"/v1/segments/{segment_id}") for segment_id in "ab"]
    assert [each.headers["etag"] for each in read] == ['"4"', '"3"']
    assert [each.json()["version"] for each in read] == [4, 3]


@pytest.mark.parametrize("match", ['"2"', '"1", "2"', '"1","2"', "*", " * "])
async def test_an_edit_of_what_was_read_is_made(client: httpx.AsyncClient, match: str) -> None:
    await put(client, "other", rule(1))
    await put(client, "a", rule(1))
    assert (await put_if(client, "a", 2, match)).status_code == 200
    assert (await client.get("/v1/segments/a")).json()["rule"] == rule(2)


@pytest.mark.parametrize("match", ['"1"', '"1", "3"', 'W/"2"', "2", "", '"*"', '"22"'])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "ROLLBACK"])
async def test_an_edit_of_what_was_edited_since_is_refused_and_told_the_version(
    client: httpx.AsyncClient, method: str, match: str
) -> None:
    for number in (1, 2):
        await put(client, "a", rule(number))
    headers = {"If-Match": match}
    response = (
        await put_if(client, "a", 3, match)
        if method == "PUT"
        else await client.delete("/v1/segments/a", headers=headers)
        if method == "DELETE"
        else await client.post("/v1/segments/a/rollback", params={"to": 1}, headers=headers)
    )
    assert response.status_code == 412
    assert problem(response)["version"] == 2
    assert (await client.get("/v1/segments")).json()["catalog_version"] == 2


async def test_a_condition_on_a_segment_that_is_not_there(client: httpx.AsyncClient) -> None:
    await put(client, "a", rule(1))
    await client.delete("/v1/segments/a")
    back = await client.post("/v1/segments/a/rollback", params={"to": 1}, headers={"If-Match": "*"})
    for refused in (await put_if(client, "a", 1, "*"), await put_if(client, "a", 1, '"1"'), back):
        assert refused.status_code == 412
        assert problem(refused)["version"] is None
    assert (await client.delete("/v1/segments/a", headers={"If-Match": "*"})).status_code == 404


async def test_a_delete_of_what_was_read_is_made(client: httpx.AsyncClient) -> None:
    await put(client, "a", rule(1))
    response = await client.delete("/v1/segments/a", headers={"If-Match": '"1"'})
    assert (response.status_code, response.headers["catalog-version"]) == (204, "2")


async def test_a_put_may_ask_to_create_only(client: httpx.AsyncClient) -> None:
    assert (await put_if(client, "a", 1, none_match="*")).status_code == 201
    refused = await put_if(client, "a", 2, none_match="*")
    assert (refused.status_code, problem(refused)["version"]) == (412, 1)
    assert (await put_if(client, "a", 2, none_match='"1"')).status_code == 412
    assert (await put_if(client, "a", 2, none_match='"7"')).status_code == 200


async def test_even_the_same_definition_is_not_put_under_a_condition_that_does_not_hold(
    client: httpx.AsyncClient,
) -> None:
    for number in (1, 2):
        await put(client, "a", rule(number))
    assert (await put_if(client, "a", 2, '"1"')).status_code == 412


async def test_what_could_not_be_done_anyway_is_refused_for_that(client: httpx.AsyncClient) -> None:
    """RFC 9110, 13.2.1."""
    await put(client, "a", rule(1))
    headers = {"If-Match": '"9"'}
    body = orjson.dumps({"name": "A", "rule": "nonsense"})
    assert (await client.put("/v1/segments/a", content=body, headers=headers)).status_code == 422
    await put(client, "b", "segment('a')")
    assert (await client.delete("/v1/segments/a", headers=headers)).status_code == 409


async def test_of_two_who_read_the_same_exactly_one_edits(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        tag = (await put(one, "a", rule(1))).headers["etag"]
        for turn in range(10):
            edits = [put_if(client, "a", 100 * turn + index, tag) for index, client in enumerate((one, other) * 3, 2)]
            responses = await asyncio.gather(*edits)
            (made,) = [each for each in responses if each.status_code == 200]
            assert sorted(each.status_code for each in responses) == [200] + [412] * 5
            assert (await other.get("/v1/segments/a")).json()["rule"] == made.json()["rule"]
            tag = made.headers["etag"]
        assert len((await one.get("/v1/segments/a/history")).json()["entries"]) == 11


async def test_of_many_who_create_only_one_creates(settings: ApiSettings) -> None:
    async with client_of(settings) as one, client_of(settings) as other:
        edits = [put_if(client, "a", number, none_match="*") for number in range(5) for client in (one, other)]
        statuses = sorted(response.status_code for response in await asyncio.gather(*edits))
    assert statuses == [201] + [412] * 9
