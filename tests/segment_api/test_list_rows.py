"""Which rows of a body are taken, in every format, and what is said of the others."""

from collections.abc import AsyncIterator

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from services.segment_api.lists.entries import FORMATS
from services.segment_api.lists.pour import MAX_ERRORS
from tests.segment_api.lists_api import LINES, NDJSON, ListsApi, lists_api
from tests.segment_api.running import problem

JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest.fixture
async def api(clean_redis_url: str) -> AsyncIterator[ListsApi]:
    async with lists_api(clean_redis_url) as api:
        yield api


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (LINES, "a\nb\nc"),
        (LINES, "a\n\n  b \nc\n\n"),
        (CSV, "\ufeffuser_id,name\r\na,Ann\r\nb,\r\nc,x,y\r\n"),
        (CSV, '"user_id";"name"\n"a";"x"\n"b"\nc\t1\n'),
        (CSV, "a,user_id\nb\nc"),
        (NDJSON, '{"user_id": "a"}\n\n{"user_id":"b","expires":null}\r\n{"user_id":"c"}'),
        (JSON, '["a", "b",\n "c"]'),
        (JSON, ' [\n"a","\\u0062","c" ] \n'),
        ({}, "a\nb\nc\n"),
    ],
)
async def test_every_format_of_ids_is_read(api: ListsApi, headers: dict[str, str], body: str) -> None:
    answer = await api.upload("vip", body.encode(), headers)
    assert (answer.status_code, answer.json()["errors"]) == (202, [])
    assert set(await api.entries()) == {"a", "b", "c"}


async def test_a_bad_line_is_told_and_stops_nothing(api: ListsApi) -> None:
    lines = ["good-1", "jo@example.org", "two words", "é", "x" * 129, "y" * 9_000, "good-2"]
    answer = await api.upload("vip", lines)
    assert answer.status_code == 202
    assert set(await api.entries()) == {"good-1", "good-2"}
    told = answer.json()
    assert (told["lines"], told["accepted"], told["rejected"]) == (7, 2, 5)
    assert [each["line"] for each in told["errors"]] == [2, 3, 4, 5, 6]
    assert told["errors"][0]["error"] == "user_id: looks like an e-mail address; send a pseudonymous id instead"
    assert told["errors"][4]["error"] == "longer than 4096 bytes"
    assert "example.org" not in answer.text


async def test_bytes_that_are_no_text_are_a_bad_line(api: ListsApi) -> None:
    answer = await api.upload("vip", b"a\n\xff\xfe\n\x00\nb\n")
    assert [each["line"] for each in answer.json()["errors"]] == [2, 3]
    assert set(await api.entries()) == {"a", "b"}


async def test_only_the_first_errors_are_told_and_all_are_counted(api: ListsApi) -> None:
    answer = (await api.upload("vip", ["good", *["bad id"] * (MAX_ERRORS + 50)])).json()
    assert (answer["rejected"], len(answer["errors"])) == (MAX_ERRORS + 50, MAX_ERRORS)
    assert answer["errors"][-1]["line"] == MAX_ERRORS + 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (LINES, ""),
        (LINES, "user_id\n"),
        (LINES, "a@b\n"),
        (NDJSON, "a\nb\n"),
        (JSON, "[]"),
        (JSON, "[1, null]"),
        (JSON, '{"user_ids": ["a"]}'),
    ],
)
async def test_a_body_without_a_valid_id_is_refused(api: ListsApi, headers: dict[str, str], body: str) -> None:
    answer = await api.upload("vip", body, headers)
    assert answer.status_code == 422
    assert problem(answer)["accepted"] == 0
    assert await api.records() == []


@pytest.mark.parametrize("body", ['["a", {"user_id": "b"}, "c"]', '["a", "b" "c"]', '["a", "b"', '["a"] "b"'])
async def test_an_array_that_breaks_off_is_taken_up_to_there(api: ListsApi, body: str) -> None:
    answer = await api.upload("vip", body, JSON)
    assert answer.status_code == 422
    assert "not a JSON array of ids from element" in problem(answer)["detail"]
    assert "a" in await api.entries()
    assert "c" not in await api.entries()
    assert problem(answer)["accepted"] == len(await api.records())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"user_id": "a", "expire": 5}', "expire: "),
        ('{"user_id": 7}', "user_id: "),
        ('{"user_id": "a", "expires": "tomorrow"}', "expires: "),
        ('{"user_id": "a", "expires": 0}', "expires: not after the moment of the upload"),
        ('{"user_id": "a", "expires": true}', "expires: "),
        ('["a"]', "object"),
        ('{"user_id": "\\ud800"}', "Invalid JSON"),
        ('{"user_id": "a\\n"}', "user_id: "),
    ],
)
async def test_what_is_wrong_with_a_line_of_ndjson_is_named(api: ListsApi, line: str, complaint: str) -> None:
    answer = await api.upload("vip", f'{{"user_id": "ok"}}\n{line}\n', NDJSON)
    [error] = answer.json()["errors"]
    assert error["line"] == 2
    assert complaint in error["error"]
    assert set(await api.entries()) == {"ok"}


async def test_expiry_is_that_of_the_line_else_that_of_the_upload(api: ListsApi) -> None:
    body = '{"user_id": "a", "expires": "2096-01-01T00:00:00Z"}\n{"user_id": "b"}\n'
    await api.upload("vip", body, NDJSON, expires=4_102_444_800_000)
    assert {user: each.until_ms for user, each in (await api.entries()).items()} == {
        "a": 3_976_214_400_000,
        "b": 4_102_444_800_000,
    }


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "application/x-www-form-urlencoded"}, LINES | {"Content-Encoding": "gzip"}],
)
async def test_other_bodies_are_a_415_that_tells_which(api: ListsApi, headers: dict[str, str]) -> None:
    answer = await api.upload("vip", b"a", headers)
    assert answer.status_code == 415
    assert all(each in problem(answer)["detail"] for each in FORMATS)


async def test_the_bodies_that_put_ids_on_a_list_take_them_off(api: ListsApi) -> None:
    body = '{"user_id": "a", "expires": 4102444800000}\n{"user_id": "b", "expires": 5}\n'
    answer = await api.client.post("/v1/lists/vip/members/remove", content=body, headers=NDJSON)
    assert answer.json()["accepted"] == 2
    assert {(each.listed, each.until_ms) for each in (await api.entries()).values()} == {(False, None)}


async def test_the_last_line_of_a_user_has_the_greatest_rank(api: ListsApi) -> None:
    await api.upload("vip", "\n" * 7 + "a\n" + "\n" * 5 + "a\n")
    first, last = sorted((orjson.loads(record.value) for record in await api.records()), key=lambda e: e["event_id"])
    assert first["ts"] == last["ts"]
    assert (first["event_id"][-2:], last["event_id"][-2:]) == ("08", "14")


bodies = st.binary(max_size=60) | st.lists(
    st.sampled_from([b'"a"', b"[", b"]", b",", b"\n", b'{"user_id": "u"}', b" ", b"1", b"a@b", b"\\", b'"', b"\xff"]),
    max_size=12,
).map(b"".join)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(body=bodies, format_=st.sampled_from(sorted(FORMATS)), skip=st.integers(0, 3))
async def test_no_body_whatever_breaks_an_upload(api: ListsApi, body: bytes, format_: str, skip: int) -> None:
    await api.redis.flushall()
    answer = await api.upload("vip", body, {"Content-Type": format_}, skip=skip)
    assert answer.status_code in {202, 422}
    assert answer.json()["accepted"] == len(await api.records())
