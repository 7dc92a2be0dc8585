"""All members of a segment as a stream: what lookups say of each user, and where it goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from services.runtime.redis_client import connect
from services.segment_api.export.export import Export
from services.segment_api.export.place import BadToken, Place
from services.segment_api.segments.catalog_store import watched_catalog
from services.segment_api.settings import ApiSettings
from services.segmentation.time_zones import TimeZones
from tests.segment_api.crowd import store_all, tools_of
from tests.segment_api.exporting import HOUR, NOW, exported, members_of, shoppers
from tests.segment_api.running import client_of, many, problem, put
from tests.segment_api.stored import StoredUsers, event

RULE = "count('purchase', within='2h') >= 1"
ODD = "count('visit', within='1d') in [1, 3, 5, 7, 9, 11]"


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """Few partitions, so that an index is large enough to be walked in pages."""
    return settings.model_copy(update={"partitions": 2})


@pytest.fixture
async def tools(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with tools_of(settings, page_users=40) as tools:
        yield tools


async def looked_up(client: httpx.AsyncClient, users: Sequence[str], segment_id: str, **more: Any) -> dict[str, Any]:
    """Of the users whom a lookup answers with the segment, the same lines."""
    answers = await many(client, list(users), **more)
    return {
        answer["user_id"]: {"user_id": answer["user_id"], "since": span["since"], "until": span["until"]}
        for answer in answers
        for span in answer["segments"]
        if span["id"] == segment_id
    }


class TestWhoIsTold:
    @pytest.mark.parametrize(
        ("segment_id", "ahead_ms"), [("buyers", HOUR // 2), ("late", HOUR // 2), ("odd", HOUR // 2), ("odd", 19 * HOUR)]
    )
    @pytest.mark.parametrize("consent_required", [False, True])
    async def test_it_is_what_lookups_say_of_every_user(
        self, settings: ApiSettings, consent_required: bool, segment_id: str, ahead_ms: int
    ) -> None:
        """By memberships, by those of an older catalog, and beyond what a membership holds."""
        settings = settings.model_copy(update={"consent_required": consent_required})
        users, at = shoppers(500), NOW + ahead_ms
        async with client_of(settings) as client, tools_of(settings, page_users=60) as tools:
            await put(client, "buyers", RULE, purposes=[1, 3])
            await put(client, "odd", ODD)
            await store_all(settings, users)
            await put(client, "late", "segment('buyers') or since('visit') > '8h'")
            found = members_of(await exported(tools, segment_id, at=at))
            assert found == await looked_up(client, list(users), segment_id, at=at)
        assert 10 < len(found) < 490

    async def test_the_beginning_that_is_known_stays_known_beyond_what_a_membership_holds(
        self, client: httpx.AsyncClient, users: StoredUsers, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await put(client, "odd", ODD)
        for index in range(13):
            await users.apply([event("visit", NOW + (index - 13) * HOUR, "u1")])
        (found,) = members_of(await exported(tools, "visitors", at=NOW + 22 * HOUR)).values()
        assert found == {"user_id": "u1", "since": NOW - 13 * HOUR, "until": None}

    async def test_a_user_whose_latest_event_is_later_is_judged_then(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "buyers", RULE)
        await store_all(settings, {"u1": [event("purchase", NOW - HOUR, "u1")]})
        (found,) = members_of(await exported(tools, "buyers", at=1)).values()
        assert found == {"user_id": "u1", "since": NOW - HOUR, "until": NOW + HOUR}
        assert members_of(await exported(tools, "buyers", at=NOW + HOUR)) == {}

    async def test_without_at_it_is_now(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "buyers", RULE)
        events = {name: [event("purchase", NOW - age, name)] for name, age in [("old", 3 * HOUR), ("new", HOUR)]}
        await store_all(settings, events)
        assert set(members_of(await exported(tools, "buyers"))) == {"new"}

    async def test_drafts_can_be_exported_and_other_spaces_are_left_out(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "draft", "count('visit') >= 1", status="draft")
        await store_all(settings, {"u1": [event("visit", NOW, "u1")]})
        await store_all(settings, {"u2": [event("visit", NOW, "u2")]}, space="shop")
        assert set(members_of(await exported(tools, "draft"))) == {"u1"}
        assert set(members_of(await exported(tools, "draft", space="shop"))) == {"u2"}

    async def test_users_who_cannot_be_read_are_skipped_and_counted(
        self, client: httpx.AsyncClient, settings: ApiSettings, users: StoredUsers, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, {f"u{index}": [event("visit", NOW, f"u{index}")] for index in range(20)})
        await users.damage("u3", membership=b"\xc1")
        await users.damage("u4", membership=b"")
        *_, last = lines = await exported(tools, "visitors")
        assert set(members_of(lines)) == {f"u{index}" for index in range(20)} - {"u3", "u4"}
        assert last == {"next": None, "members": 18, "unreadable": 2}


class TestGoingOn:
    async def test_from_every_place_the_rest_follows(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "buyers", RULE)
        await store_all(settings, shoppers(450))
        whole = await exported(tools, "buyers")
        places = [index for index, line in enumerate(whole) if line.get("next")]
        assert len(places) > 8
        assert whole[-1] == {"next": None, "members": len(members_of(whole)), "unreadable": 0}
        for index in places:
            rest = await exported(tools, "buyers", **{"from": whole[index]["next"]})
            assert rest == whole[index + 1 :]

    async def test_a_limited_stream_ends_where_one_can_go_on(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, shoppers(450))
        parts = [await exported(tools, "visitors", limit=50)]
        while place := parts[-1][-1]["next"]:
            parts.append(await exported(tools, "visitors", limit=50, **{"from": place}))
        assert set(members_of(line for part in parts for line in part)) == {f"u{index}" for index in range(450)}
        assert all(50 <= len(members_of(part)) < 250 for part in parts[:-1])
        assert len(parts) > 3

    async def test_the_place_tells_space_and_moment(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "buyers", RULE)
        await store_all(settings, shoppers(300), space="shop")
        at = NOW + HOUR
        whole = await exported(tools, "buyers", space="shop", at=at)
        first, *_ = [line["next"] for line in whole if "next" in line]
        rest = await exported(tools, "buyers", **{"from": first})
        assert rest == whole[-len(rest) :]
        assert members_of(rest)

    @pytest.mark.parametrize("change", ["edited", "deleted", "part"])
    async def test_a_segment_that_changes_ends_the_stream_and_refuses_to_go_on(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient, change: str
    ) -> None:
        await put(client, "part", "count('visit') >= 1")
        await put(client, "whole", "segment('part')")
        await store_all(settings, shoppers(450))
        redis = connect(settings.redis_url, timeout_s=5)
        watched = watched_catalog(redis)
        place = Place((await watched.refresh()).ready["whole"].version, NOW, "default")
        export = Export(redis, lambda: watched.value, 2, TimeZones(), False, _fail, page_users=40)
        pages = export.pages("whole", place)
        first = await anext(pages)
        await _change(client, change)
        await watched.refresh()
        assert [page async for page in pages] == []
        response = await tools.get("/v1/segments/whole/members", params={"from": first.following.token()})
        assert response.status_code == (404 if change == "deleted" else 409)
        await redis.aclose()

    @pytest.mark.parametrize("token", ["", "x", "1.2.default.0.0.abc.0", "9.9.default.2.0..0.0", "1.1.A.0.0..0.0"])
    async def test_a_word_that_is_no_place_is_refused(
        self, client: httpx.AsyncClient, tools: httpx.AsyncClient, token: str
    ) -> None:
        await put(client, "buyers", RULE)
        response = await tools.get("/v1/segments/buyers/members", params={"from": token})
        assert (response.status_code, problem(response)["status"]) == (422, 422)

    def test_a_place_survives_being_written(self) -> None:
        place = Place(7, NOW, "my-shop_2", 63, 2**60, "0123456789abcdef", 10**6, 3)
        assert Place.read(place.token()) == place
        with pytest.raises(BadToken):
            Place.read(place.token() + "\n")


class TestRefusals:
    async def test_a_segment_that_is_not_there(self, tools: httpx.AsyncClient) -> None:
        response = await tools.get("/v1/segments/none/members")
        assert (response.status_code, problem(response)["status"]) == (404, 404)

    async def test_a_segment_that_asks_the_request(self, client: httpx.AsyncClient, tools: httpx.AsyncClient) -> None:
        await put(client, "mobile", "request('device.type') == 'mobile'")
        await put(client, "through", "segment('mobile') and count('visit') >= 1")
        for segment_id in ("mobile", "through"):
            response = await tools.get(f"/v1/segments/{segment_id}/members")
            assert response.status_code == 422
            assert "request()" in problem(response)["detail"]

    @pytest.mark.parametrize(
        "params", [{"format": "xml"}, {"space": "A b"}, {"at": "x"}, {"limit": 0}, {"limit": "x"}, {"from": "y" * 400}]
    )
    async def test_parameters_that_do_not_fit(
        self, client: httpx.AsyncClient, tools: httpx.AsyncClient, params: dict[str, Any]
    ) -> None:
        await put(client, "buyers", RULE)
        response = await tools.get("/v1/segments/buyers/members", params=params)
        assert (response.status_code, problem(response)["status"]) == (422, 422)

    async def test_too_many_at_once_are_asked_to_come_again(
        self, client: httpx.AsyncClient, settings: ApiSettings, tools: httpx.AsyncClient
    ) -> None:
        await put(client, "visitors", "count('visit') >= 1")
        await store_all(settings, shoppers(200))
        path = "/v1/segments/visitors/members"
        answers = await asyncio.gather(*(tools.get(path) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
        assert all(answer.headers["retry-after"] == "10" for answer in answers if answer.status_code == 503)
        assert (await tools.get(path)).status_code == 200


async def _change(client: httpx.AsyncClient, change: str) -> None:
    if change == "deleted":
        assert (await client.delete("/v1/segments/whole")).is_success
    else:
        rule = "count('visit') >= 2"
        assert (await put(client, "whole" if change == "edited" else "part", rule)).is_success


def _fail(error: Exception) -> None:
    pytest.fail(f"a user could not be read: {error}")
