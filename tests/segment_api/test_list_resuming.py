"""Uploads that are repeated, resumed, kept waiting, or side by side: nobody is left out, and the later one is right."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.segment_api.lists.pace import NAP_S
from services.segment_api.lists.pour import CHUNK_ROWS
from tests.segment_api.lists_api import LINES, Limits, ListsApi, lists_api
from tests.segment_api.running import problem, until


@pytest.fixture
async def api(clean_redis_url: str) -> AsyncIterator[ListsApi]:
    async with lists_api(clean_redis_url) as api:
        yield api


async def test_later_uploads_have_later_moments_even_on_a_clock_that_is_behind(clean_redis_url: str) -> None:
    moments = iter([5_000, 5_000, 1_000, 9_000])
    async with lists_api(clean_redis_url, Limits(clock=lambda: next(moments))) as api:
        found = []
        for user in "abcd":
            await api.upload("vip", [user])
            found.append((await api.entries())[user].ts_ms)
    assert found == [5_000, 5_001, 5_002, 9_000]


async def test_an_upload_that_is_repeated_writes_the_same_entries(api: ListsApi) -> None:
    for _ in range(2):
        await asyncio.sleep(0.005)
        answer = await api.upload("vip", ["a", "b", "a"], upload="monday", **{"for": "1d"})
        assert answer.json()["upload"] == "monday"
    records = await api.records()
    assert len(records) == 6
    assert len({record.value for record in records}) == 3
    [upload] = (await api.client.get("/v1/lists/vip")).json()["uploads"]
    assert (upload["accepted"], upload["lines"]) == (3, 3)


@pytest.mark.parametrize("params", [{"space": "shop"}, {"for": "1d"}, {"expires": 4_102_444_800_000}])
async def test_the_id_of_an_upload_stands_for_one_upload(api: ListsApi, params: dict[str, str]) -> None:
    await api.upload("vip", ["a"], upload="monday")
    assert (await api.upload("vip", ["a"], upload="monday", **params)).status_code == 409
    assert (await api.remove("vip", "a", upload="monday")).status_code == 409
    assert (await api.upload("other", ["a"], upload="monday", **params)).status_code == 202
    assert len(await api.records()) == 2


async def test_more_lines_to_skip_than_there_are_is_no_success(api: ListsApi) -> None:
    answer = await api.upload("vip", ["a"], upload="monday", skip=2)
    assert answer.status_code == 422
    assert "1 lines" in answer.json()["detail"]
    assert (await api.upload("vip", ["a"], upload="tuesday", skip=2**64)).status_code == 422
    assert (await api.client.get("/v1/lists")).status_code == 200


async def test_the_lines_to_skip_are_passed_over_and_keep_their_numbers(api: ListsApi) -> None:
    whole = await api.upload("vip", ["a", "b", "bad id", "c"], upload="monday")
    entries = await api.entries()
    await api.redis.flushall()
    first = await api.upload("vip", ["a", "b"], upload="monday")
    rest = await api.upload("vip", ["a", "b", "bad id", "c"], upload="monday", skip=2)
    assert (first.json()["lines"], rest.json()["lines"]) == (2, 4)
    assert (rest.json()["accepted"], rest.json()["errors"]) == (1, whole.json()["errors"])
    again = await api.entries()
    assert {user: each.event_id for user, each in again.items()} == {
        user: each.event_id for user, each in entries.items()
    }
    [upload] = (await api.client.get("/v1/lists/vip")).json()["uploads"]
    assert (upload["accepted"], upload["rejected"], upload["lines"]) == (3, 1, 4)


@pytest.mark.parametrize("limits", [Limits(max_lag=3 * CHUNK_ROWS), Limits(max_records=CHUNK_ROWS)])
async def test_what_the_log_cannot_take_now_is_resumed_without_a_gap(clean_redis_url: str, limits: Limits) -> None:
    users = [f"u-{number}" for number in range(8 * CHUNK_ROWS + 7)]
    async with lists_api(clean_redis_url, limits) as api:
        answer, applied = await api.upload("vip", users), set()
        refused = answer
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert 0 < problem(refused)["accepted"] == problem(refused)["lines"] < len(users)
        [broken_off] = (await api.client.get("/v1/lists/vip")).json()["uploads"]
        assert (broken_off["ended"], broken_off["lines"]) == (False, refused.json()["lines"])
        accepted = 0
        while answer.status_code == 503:
            accepted += answer.json()["accepted"]
            applied |= set(await api.entries())
            await api.apply()
            await api.trim()
            answer = await api.upload("vip", users, upload=answer.json()["upload"], skip=answer.json()["lines"])
        assert answer.status_code == 202
        assert applied | set(await api.entries()) == set(users)
        [ended] = (await api.client.get("/v1/lists/vip")).json()["uploads"]
        assert (ended["ended"], ended["accepted"], ended["lines"]) == (True, len(users), len(users))
        assert accepted + answer.json()["accepted"] == len(users)


async def test_an_upload_waits_for_the_workers_and_goes_on_by_itself(clean_redis_url: str) -> None:
    limits = Limits(max_lag=CHUNK_ROWS, patience_s=20)
    async with lists_api(clean_redis_url, limits) as api:
        users = [f"u-{number}" for number in range(3 * CHUNK_ROWS)]

        async def has_a_chunk() -> bool:
            return len(await api.records()) >= CHUNK_ROWS

        uploading = asyncio.create_task(api.upload("vip", users))
        await until(has_a_chunk, 10)
        await asyncio.sleep(5 * NAP_S)  # in which it tries again
        assert not uploading.done()
        assert len(await api.records()) == CHUNK_ROWS
        while not uploading.done():
            await api.apply()
            await asyncio.sleep(0.05)
        assert uploading.result().json()["accepted"] == len(users)
        assert set(await api.entries()) == set(users)


async def test_a_body_that_stops_coming_is_given_up_and_tells_how_far_it_got(clean_redis_url: str) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"".join(b"u-%d\n" % number for number in range(CHUNK_ROWS))
        await asyncio.sleep(30)
        yield b"never"

    async with lists_api(clean_redis_url, Limits(read_timeout_s=0.2)) as api:
        answer = await api.client.post("/v1/lists/vip/members", content=stalling(), headers=LINES)
        assert answer.status_code == 408
        assert problem(answer)["lines"] == CHUNK_ROWS == len(await api.records())


async def test_too_many_uploads_at_once_are_asked_to_come_later(clean_redis_url: str) -> None:
    release = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield b"u-1\n"
        await release.wait()

    async with lists_api(clean_redis_url, Limits(read_timeout_s=30)) as api:

        async def all_have_begun() -> bool:
            return len((await api.client.get("/v1/lists")).json()["lists"]) == len(going)

        going = [
            asyncio.create_task(api.client.post(f"/v1/lists/l{number}/members", content=held(), headers=LINES))
            for number in range(4)
        ]
        await until(all_have_begun, 10)
        refused = await api.upload("vip", ["a"])
        release.set()
        assert {each.status_code for each in await asyncio.gather(*going)} == {202}
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert (await api.upload("vip", ["a"])).status_code == 202


async def test_uploads_side_by_side_are_all_remembered(api: ListsApi) -> None:
    answers = await asyncio.gather(*(api.upload("vip", ["a"], upload=f"n{number}") for number in range(4)))
    assert {each.status_code for each in answers} == {202}
    uploads = (await api.client.get("/v1/lists/vip")).json()["uploads"]
    assert {each["upload"] for each in uploads if each["ended"]} == {"n0", "n1", "n2", "n3"}
    assert len({each["at"] for each in uploads}) == 4
