"""Lookups of many users at once: bounded in what they answer and hold, and a burden to nobody else."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import orjson
import pytest
from starlette.types import Message

from services.runtime.direct_reads import DirectReads
from services.runtime.redis_client import Values
from services.segment_api import app
from services.segment_api.lookups import batch, routes
from services.segment_api.lookups.batch import HeldResponse
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Lane
from services.segment_api.settings import ApiSettings
from services.segment_api.turns import Turns
from services.segmentation.partitions import partition_of
from tests.segment_api.running import client_of, lookup, many, metric, problem, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
KNOWN = 'tranche_api_lookups_total{outcome="known"}'


async def ask(client: httpx.AsyncClient, user_ids: list[str], **more: object) -> httpx.Response:
    return await client.post("/v1/lookup", content=orjson.dumps({"user_ids": user_ids, **more}))


@pytest.fixture
async def visitors(client: httpx.AsyncClient, users: StoredUsers) -> list[str]:
    for number in range(20):
        await put(client, f"visitors-{number}", "count('visit') >= 1")
    names = [f"u-{number}" for number in range(10)]
    for name in names:
        await users.apply([event("visit", T, name)])
    return names


async def test_the_parts_are_those_of_single_lookups(client: httpx.AsyncClient, visitors: list[str]) -> None:
    asked = [*visitors, "nobody", visitors[0]]
    single = [await lookup(client, name, at=T) for name in asked]
    assert await many(client, asked, at=T) == single
    assert await many(client, []) == []


async def test_all_parts_are_as_of_one_moment(settings: ApiSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(T)
    monkeypatch.setattr(app, "now_ms", lambda: next(ticks))
    async with client_of(settings) as client:
        await put(client, "visitors", "count('visit') >= 1")
        answers = await many(client, [f"u-{number}" for number in range(50)])
    assert len({each["at"] for each in answers}) == 1


async def test_an_answer_that_would_be_too_large_is_refused_with_what_helps(
    client: httpx.AsyncClient, visitors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (await ask(client, visitors)).content
    monkeypatch.setattr(batch, "MAX_ANSWER_BYTES", len(whole) // 2)
    before = await metric(client, KNOWN)
    refused = await ask(client, visitors)
    assert refused.status_code == 422
    assert await metric(client, KNOWN) - before <= len(visitors) // 2 + 1  # the rest was not even written
    assert "fewer users, or with fields=ids" in problem(refused)["detail"]
    assert (await ask(client, visitors, fields="ids")).status_code == 200
    assert (await ask(client, visitors[:4])).status_code == 200
    assert (await ask(client, visitors[:1] * 10)).status_code == 422  # asked for repeatedly, told repeatedly


async def test_users_under_way_are_bounded_and_a_refusal_holds_none(
    settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on, read = asyncio.Event(), asyncio.Event(), BoundedReads.get

    async def held(self: BoundedReads, rows: list[list[str]], by_s: float) -> list[Values] | None:
        reading.set()
        await go_on.wait()
        return await read(self, rows, by_s)

    monkeypatch.setattr(BoundedReads, "get", held)
    monkeypatch.setattr(routes, "USERS_AT_ONCE", 10)
    async with client_of(settings) as client:
        first = asyncio.create_task(ask(client, ["a"] * 7))
        await asyncio.wait_for(reading.wait(), 5)
        refused = await ask(client, ["b"] * 4)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        second = asyncio.create_task(ask(client, ["c"] * 3))
        go_on.set()
        assert [response.status_code for response in await asyncio.gather(first, second)] == [200, 200]
        for _ in range(3):
            assert (await ask(client, ["d"] * 10)).status_code == 200
        monkeypatch.setattr(batch, "MAX_ANSWER_BYTES", 10)
        for _ in range(3):
            assert (await ask(client, ["d"] * 10)).status_code == 422


async def test_users_of_a_silent_server_are_degraded_and_the_others_are_answered(
    settings: ApiSettings, visitors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, get = [*visitors, "nobody"], DirectReads.get
    silent = {name for name in asked if partition_of(name, settings.partitions) % 2}

    async def answer(self: DirectReads, rows: list[list[str]]) -> list[Values]:
        if self.server_of(rows[0][0]) == "silent":
            await asyncio.sleep(1)
        return await get(self, rows)

    monkeypatch.setattr(DirectReads, "server_of", lambda _, name: "silent" if int(name[2:4]) % 2 else "awake")
    monkeypatch.setattr(DirectReads, "get", answer)
    async with client_of(settings.model_copy(update={"batch_deadline_ms": 500})) as client:
        answers = {each["user_id"]: each for each in await many(client, asked)}
    assert 0 < len(silent) < len(asked)
    assert {name for name, each in answers.items() if each["degraded"]} == silent
    assert {name for name, each in answers.items() if len(each["segments"]) == 20} == set(visitors) - silent


@contextmanager
def held(turns: Turns) -> Iterator[HeldResponse]:
    with ExitStack() as holds:
        holds.enter_context(turns.one())
        yield HeldResponse(holds.pop_all(), b"{}", {})


async def test_users_are_under_way_until_the_client_has_taken_the_answer() -> None:
    turns, taken, free_when_sent = Turns("users", 1, 1), asyncio.Event(), list[bool]()

    async def send(message: Message) -> None:
        free_when_sent.append(is_free(turns))
        if message.get("more_body") is False or message.get("body") == b"":
            await taken.wait()

    with held(turns) as response:
        sending = asyncio.create_task(response({}, _nothing, send))
        await asyncio.sleep(0.01)
        assert not is_free(turns)
        taken.set()
        await sending
    assert free_when_sent == [False, False, False]
    assert is_free(turns)


async def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    monkeypatch.setattr(batch, "STALLED_S", 0.01)
    turns = Turns("users", 1, 1)
    with held(turns) as response:
        await asyncio.wait_for(response({}, _nothing, send), 5)
    assert is_free(turns)


class TestTheLane:
    async def test_everything_is_done_in_order(self) -> None:
        done: list[int] = []
        await Lane().each(done.append, range(10_000))
        assert done == list(range(10_000))

    async def test_others_get_a_turn_after_each_stretch_however_many_are_in_the_lane(self) -> None:
        """Ten in the lane, for each of which a stretch is a single step: between two turns of others there is one."""
        lane, steps, between = Lane(), [0], list[int]()

        def step(_: int) -> None:
            steps[0] += 1
            until_s = asyncio.get_running_loop().time() + 0.001
            while asyncio.get_running_loop().time() < until_s:
                pass

        working = [asyncio.create_task(lane.each(step, range(5))) for _ in range(10)]
        while not all(task.done() for task in working):
            before = steps[0]
            await asyncio.sleep(0)
            between.append(steps[0] - before)
        assert max(between) == 1
        assert sum(between) == 50

    async def test_what_goes_wrong_frees_the_lane(self) -> None:
        def fail(_: int) -> None:
            raise ZeroDivisionError

        lane = Lane()
        with pytest.raises(ZeroDivisionError):
            await lane.each(fail, [1])
        await asyncio.wait_for(lane.each(lambda _: None, [1]), 5)


def is_free(turns: Turns) -> bool:
    try:
        with turns.one():
            return True
    except Exception:
        return False


async def _nothing() -> Message:
    raise AssertionError
