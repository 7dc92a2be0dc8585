"""A rule's size, examples and overlaps, before it is saved."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from statistics import fmean
from typing import Any

import httpx
import orjson
import pytest

from services.runtime.clock import now_ms
from services.runtime.redis_client import Values
from services.segment_api.reads import BoundedReads
from services.segment_api.settings import ApiSettings
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.rules.parse import parse
from tests.segment_api.crowd import previewed, store_all, tools_of
from tests.segment_api.running import lookup, problem, put
from tests.segment_api.stored import StoredUsers, event

HOUR = 3_600_000
NOW = now_ms()
BOUGHT = "count('purchase') >= 1"


@pytest.fixture
async def tools(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with tools_of(settings) as tools:
        yield tools


def crowd(size: int, every: int = 3) -> dict[str, list[Event]]:
    """Visitors, of whom each `every`-th bought."""
    return {
        f"u{index}": [
            event("visit", NOW - 5 * HOUR, f"u{index}"),
            *([event("purchase", NOW - HOUR, f"u{index}")] if index % every == 0 else []),
        ]
        for index in range(size)
    }


class TestWhereAllUsersFitIntoTheSample:
    async def test_everything_is_exact(self, settings: ApiSettings, tools: httpx.AsyncClient) -> None:
        await store_all(settings, crowd(120))
        answer = await previewed(tools, BOUGHT)
        assert (answer["users"], answer["sample"], answer["size"]) == (120, 120, 40)
        assert answer["share"] == pytest.approx(1 / 3)
        assert answer["interval"] == {"share": [answer["share"]] * 2, "size": [40, 40], "confidence": 0.95}
        assert (answer["covered_since"], answer["warnings"], answer["asks"]) == (None, [], [])

    async def test_nobody_is_nothing(self, tools: httpx.AsyncClient) -> None:
        answer = await previewed(tools, BOUGHT)
        assert (answer["users"], answer["sample"], answer["size"], answer["examples"]) == (0, 0, 0, [])

    async def test_examples_are_what_lookups_answer_once_it_is_saved(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        rule = "since('purchase') < '2h' and count('visit', within='1d') >= 1"
        await store_all(settings, crowd(60))
        answer = await previewed(tools, rule)
        await put(client, "saved", rule)
        assert len(answer["examples"]) == 10
        for example in answer["examples"]:
            (span,) = (await lookup(client, example["user_id"]))["segments"]
            assert {"id": "saved", "since": example["since"], "until": example["until"]} == span

    async def test_users_are_judged_now(self, settings: ApiSettings, tools: httpx.AsyncClient) -> None:
        await store_all(settings, crowd(30))
        assert (await previewed(tools, "since('purchase') > '59m'"))["size"] == 30
        assert (await previewed(tools, "since('purchase') < '59m'"))["size"] == 0
        assert (await previewed(tools, "since('purchase') < '90m'"))["size"] == 10

    async def test_other_spaces_do_not_count(self, settings: ApiSettings, tools: httpx.AsyncClient) -> None:
        await store_all(settings, crowd(60))
        await store_all(settings, crowd(20, every=2), space="shop")
        answer = await previewed(tools, BOUGHT, space="shop")
        assert (answer["users"], answer["size"], answer["interval"]["size"]) == (20, 10, [10, 10])

    async def test_consent_counts_as_it_does_for_lookups(self, settings: ApiSettings, tools: httpx.AsyncClient) -> None:
        purposes: dict[str, frozenset[int] | None] = {"none": None, "few": frozenset({1}), "all": frozenset({1, 3})}
        await store_all(settings, {name: [event("visit", NOW, name, purposes=each)] for name, each in purposes.items()})
        answer = await previewed(tools, "count('visit') >= 1", purposes=[1, 3])
        assert sorted(each["user_id"] for each in answer["examples"]) == ["all", "none"]
        async with tools_of(settings.model_copy(update={"consent_required": True})) as strict:
            assert (await previewed(strict, "count('visit') >= 1"))["size"] == 2
            assert (await previewed(strict, "count('visit') >= 1", purposes=[1, 3]))["size"] == 1

    async def test_a_user_who_cannot_be_read_is_left_out_and_counted(
        self, settings: ApiSettings, users: StoredUsers, tools: httpx.AsyncClient
    ) -> None:
        await store_all(settings, crowd(30))
        await users.damage("u0", profile=b"\xc1")
        answer = await previewed(tools, BOUGHT)
        assert answer["sample"] == 29
        assert [each["code"] for each in answer["warnings"]] == ["unreadable_users"]


class TestOverlaps:
    async def test_they_are_counted_of_either_side(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await put(client, "half", "trait('number') in [0, 2, 4, 6, 8]")
        await put(client, "nobody", "count('visit') >= 9")
        await put(client, "hidden", "count('visit') >= 1", status="draft")
        await store_all(settings, _numbered(100))
        answer = await previewed(tools, "trait('number') < 3")
        assert answer["size"] == 30
        assert answer["overlaps"] == [
            {"id": "visitors", "share_of_this": 1.0, "share_of_that": 0.3, "users": 30},
            {"id": "half", "share_of_this": pytest.approx(2 / 3), "share_of_that": 0.4, "users": 20},
        ]

    async def test_memberships_of_an_older_catalog_are_worked_out(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "small", "trait('number') == 0")
        await store_all(settings, _numbered(100))
        await put(client, "small", "trait('number') in [0, 1, 2, 3]")
        answer = await previewed(tools, "trait('number') < 3")
        assert answer["overlaps"] == [{"id": "small", "share_of_this": 1.0, "share_of_that": 0.75, "users": 30}]

    async def test_the_saved_version_of_an_edited_segment_is_among_them(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "edited", "trait('number') == 0")
        await store_all(settings, _numbered(100))
        answer = await previewed(tools, "trait('number') < 2", id="edited")
        assert answer["overlaps"] == [{"id": "edited", "share_of_this": 0.5, "share_of_that": 1.0, "users": 10}]


class TestTheRule:
    async def test_it_may_name_segments(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "few", "trait('number') < 3")
        await put(client, "fewer", "segment('few') and trait('number') > 0")
        await store_all(settings, _numbered(50))
        assert (await previewed(tools, "not segment('fewer')"))["size"] == 40

    async def test_one_that_cannot_be_is_refused_as_when_it_is_put(
        self, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        bad = "count('visit') >= 1 and\n  cuont('visit') >= 1"
        response = await tools.post("/v1/segments/preview", content=orjson.dumps({"rule": bad}))
        assert response.status_code == 422
        assert problem(response) == problem(await put(client, "bad", bad))
        assert (problem(response)["line"], problem(response)["column"]) == (2, 3)

    async def test_it_must_not_be_composed_of_the_segment_that_it_is_meant_for(
        self, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "first", "count('visit') >= 1")
        await put(client, "second", "segment('first')")
        body = {"rule": "segment('second')", "id": "first"}
        response = await tools.post("/v1/segments/preview", content=orjson.dumps(body))
        assert response.status_code == 422
        assert (await tools.post("/v1/segments/preview", content=orjson.dumps({**body, "id": None}))).is_success

    async def test_nothing_is_saved(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "there", BOUGHT)
        await store_all(settings, crowd(10))
        before = (await client.get("/v1/segments")).json()
        await previewed(tools, "count('visit') >= 1", id="there")
        await previewed(tools, "count('visit') >= 1", id="other")
        await previewed(tools, "count('visit') >= 1")
        assert (await client.get("/v1/segments")).json() == before
        assert [span["id"] for span in (await lookup(client, "u1"))["segments"]] == []

    @pytest.mark.parametrize(
        "body", [{}, {"rule": ""}, {"rule": 1}, {"rule": BOUGHT, "more": 1}, {"rule": BOUGHT, "space": "A b"}]
    )
    async def test_a_body_that_does_not_fit_is_refused(self, tools: httpx.AsyncClient, body: dict[str, Any]) -> None:
        response = await tools.post("/v1/segments/preview", content=orjson.dumps(body))
        assert (response.status_code, problem(response)["status"]) == (422, 422)


class TestRulesThatAskTheRequest:
    RULE = "count('purchase') >= 1 and request('device.type') == 'mobile'"

    async def test_without_a_request_those_count_for_whom_one_could_make_it_true(
        self, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await store_all(settings, crowd(60))
        answer = await previewed(tools, self.RULE)
        assert answer["size"] == 20
        assert answer["asks"] == [str(parse("request('device.type') == 'mobile'", KEEP_ALL))]
        assert [each["code"] for each in answer["warnings"]] == ["asks_request"]

    @pytest.mark.parametrize(
        ("request_told", "size"),
        [({"device": {"type": "mobile"}}, 20), ({"device.type": "desktop"}, 0), ({}, 0)],
    )
    async def test_with_one_it_answers(
        self, settings: ApiSettings, tools: httpx.AsyncClient, request_told: dict[str, Any], size: int
    ) -> None:
        await store_all(settings, crowd(60))
        answer = await previewed(tools, self.RULE, request=request_told)
        assert (answer["size"], answer["warnings"]) == (size, [])

    async def test_the_hour_is_that_of_the_request_then_of_the_user(
        self, settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked_ms = NOW + 6 * HOUR
        monkeypatch.setattr("tests.segment_api.crowd.now_ms", lambda: asked_ms)
        zones = {"near": "Pacific/Kiritimati", "far": "Pacific/Niue"}  # 25 hours apart
        await store_all(
            settings, {name: [event("visit", NOW, name, context={"timezone": zone})] for name, zone in zones.items()}
        )
        hours = {zone: (asked_ms // HOUR + shift) % 24 for zone, shift in (("near", 14), ("far", -11))}
        async with tools_of(settings) as tools:
            found = await previewed(tools, f"request('hour') == {hours['near']}", request={})
            told = {"timezone": zones["far"]}
            other = await previewed(tools, f"request('hour') == {hours['far']}", request=told)
        assert [each["user_id"] for each in found["examples"]] == ["near"]
        assert other["size"] == 2

    async def test_segments_that_ask_are_overlaps_only_of_a_request(
        self, settings: ApiSettings, client: httpx.AsyncClient, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "mobile", "request('device.type') == 'mobile'")
        await put(client, "other", "request('device.type') != 'mobile'")
        await store_all(settings, crowd(30))
        assert (await previewed(tools, BOUGHT))["overlaps"] == []
        for told, segment_id in [({"device": {"type": "mobile"}}, "mobile"), ({}, "other")]:
            answer = await previewed(tools, BOUGHT, request=told)
            assert [(each["id"], each["users"]) for each in answer["overlaps"]] == [(segment_id, 10)]


class TestASampleOfManyUsers:
    async def test_its_bounds_hold_the_truth(self, settings: ApiSettings) -> None:
        await store_all(settings, crowd(900))
        async with tools_of(settings, sampled=150) as tools:
            answers = [await previewed(tools, BOUGHT) for _ in range(40)]
        assert {(answer["users"], answer["sample"]) for answer in answers} == {(900, 150)}
        held = [low <= 300 <= high for answer in answers for low, high in [answer["interval"]["size"]]]
        assert sum(held) >= 31  # of 40 at 95 %: fewer come once in a hundred thousand runs
        assert fmean(answer["share"] for answer in answers) == pytest.approx(1 / 3, abs=0.03)
        assert all(answer["size"] == round(answer["share"] * 900) for answer in answers)
        assert len({answer["size"] for answer in answers}) > 5

    async def test_a_space_among_others_is_estimated_with_its_number_of_users(self, settings: ApiSettings) -> None:
        await store_all(settings, crowd(900))
        await store_all(settings, crowd(300, every=2), space="shop")
        async with tools_of(settings, sampled=40) as tools:
            answers = [await previewed(tools, BOUGHT, space="shop") for _ in range(30)]
        assert {answer["sample"] for answer in answers} == {40}
        assert fmean(answer["users"] for answer in answers) == pytest.approx(300, abs=25)
        assert fmean(answer["size"] for answer in answers) == pytest.approx(150, abs=25)
        held = [low <= 150 <= high for answer in answers for low, high in [answer["interval"]["size"]]]
        assert sum(held) >= 23

    async def test_what_was_read_in_time_is_answered(
        self, settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await store_all(settings, crowd(500))
        get, calls = BoundedReads.get, []

        async def only_once(reads: BoundedReads, rows: Sequence[Sequence[str]], by_s: float) -> list[Values] | None:
            calls.append(rows)
            return await get(reads, rows, by_s) if len(calls) == 1 else None

        monkeypatch.setattr(BoundedReads, "get", only_once)
        async with tools_of(settings) as tools:
            answer = await previewed(tools, BOUGHT)
        assert (answer["users"], answer["sample"]) == (500, 100)
        assert [each["code"] for each in answer["warnings"]] == ["partial_sample"]
        low, high = answer["interval"]["size"]
        assert low < answer["size"] < high

    async def test_where_nothing_was_read_in_time_it_says_so(self, settings: ApiSettings) -> None:
        await store_all(settings, crowd(30))
        async with tools_of(settings, budget_s=0) as tools:
            response = await tools.post("/v1/segments/preview", content=orjson.dumps({"rule": BOUGHT}))
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_too_many_at_once_are_asked_to_come_again(settings: ApiSettings, tools: httpx.AsyncClient) -> None:
    await store_all(settings, crowd(100))
    content = orjson.dumps({"rule": BOUGHT})
    answers = await asyncio.gather(*(tools.post("/v1/segments/preview", content=content) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)
    assert (await tools.post("/v1/segments/preview", content=content)).status_code == 200


def _numbered(size: int) -> dict[str, list[Event]]:
    """Users with a number from 0 to 9 as a trait."""
    return {
        f"u{index}": [event("visit", NOW - HOUR, f"u{index}", traits={"number": index % 10})] for index in range(size)
    }
