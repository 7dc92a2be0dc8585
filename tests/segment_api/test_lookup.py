"""What a lookup answers, over what a worker has stored."""

import time
from typing import Any

import httpx
import orjson
import pytest

from services.segment_api.settings import ApiSettings
from tests.segment_api.running import client_of, lookup, many, metric, problem, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
HOUR = 3_600_000
CART = "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0"


async def test_a_known_user_gets_the_segments_of_the_moment_sorted_by_id(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    for segment_id, rule in [("zeta", "count('add_to_cart') >= 1"), ("cart", CART), ("none", "count('x') >= 1")]:
        await put(client, segment_id, rule)
    await users.apply([event("add_to_cart", T)])
    assert await lookup(client, "u-42", at=T + 1) == {
        "user_id": "u-42",
        "known": True,
        "at": T + 1,
        "segments": [
            {"id": "cart", "since": T, "until": T + HOUR},
            {"id": "zeta", "since": T, "until": None},
        ],
        "degraded": False,
    }


async def test_membership_ends_and_begins_at_the_millisecond(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    await put(client, "gone", "since('add_to_cart') > '2h'")
    await users.apply([event("add_to_cart", T)])
    found = {at: await lookup(client, "u-42", at=at, fields="ids") for at in (T + HOUR - 1, T + HOUR, T + 3 * HOUR)}
    assert [answer["segments"] for answer in found.values()] == [["cart"], [], ["gone"]]


async def test_nobody_knows_a_user_without_events(client: httpx.AsyncClient) -> None:
    await put(client, "new", "count('x') == 0")
    before_ms = time.time_ns() // 1_000_000
    answer = await lookup(client, "u-42")
    assert before_ms <= answer.pop("at") <= time.time_ns() // 1_000_000
    assert answer == {"user_id": "u-42", "known": False, "segments": [], "degraded": False}


async def test_only_ids_on_demand(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "b", "count('add_to_cart') >= 1")
    await put(client, "a", "count('add_to_cart') >= 1")
    await users.apply([event("add_to_cart", T)])
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["a", "b"]


async def test_what_answers_are_kept_is_told(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "b", "count('add_to_cart') >= 1")
    await users.apply([event("add_to_cart", T)])
    told = []
    for _ in range(3):
        told.append(await metric(client, "tranche_api_remembered_bytes"))
        await many(client, ["u-42"], at=T + 1)
    assert told[0] == 0 < told[1] < told[2]  # a user who was seen, one who was seen again


@pytest.mark.parametrize("moment", ["1732240000001", "2024-11-22T01:46:40.001Z", "2024-11-22T02:46:40.001+01:00"])
async def test_a_moment_is_milliseconds_or_a_date_time(
    client: httpx.AsyncClient, users: StoredUsers, moment: str
) -> None:
    await users.apply([event("visit", T)])
    assert (await lookup(client, "u-42", at=moment))["at"] == T + 1
    in_body: Any = int(moment) if moment.isdecimal() else moment
    assert (await many(client, ["u-42"], at=in_body))[0]["at"] == T + 1


async def test_the_past_is_refused(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    response = await client.get("/v1/users/u-42/segments", params={"at": T - 1})
    assert response.status_code == 400
    assert str(T) in problem(response)["detail"]
    assert "u-42" not in response.text
    assert await metric(client, 'tranche_api_lookups_total{outcome="refused"}') == 1


async def test_the_past_is_refused_to_the_user_it_concerns_alone(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    await users.apply([event("visit", T - 5, user_id="u-43")])
    refused, answered = await many(client, ["u-42", "u-43"], at=T - 1)
    assert (refused["known"], refused["segments"], refused["degraded"]) == (True, [], False)
    assert str(T) in refused["error"]
    assert (answered["at"], "error" in answered) == (T - 1, False)


async def test_without_a_moment_it_is_now(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    before_ms = time.time_ns() // 1_000_000
    assert before_ms <= (await lookup(client, "u-42"))["at"] <= time.time_ns() // 1_000_000


async def test_without_a_moment_it_is_the_latest_event_if_that_is_ahead_of_now(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "visitors", "count('visit', within='1m') >= 1")
    ahead_ms = time.time_ns() // 1_000_000 + HOUR
    await users.apply([event("visit", ahead_ms)])
    answer = await lookup(client, "u-42")
    assert (answer["at"], [each["id"] for each in answer["segments"]]) == (ahead_ms, ["visitors"])


async def test_spaces_keep_users_apart(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T, space="shop")])
    assert [(await lookup(client, "u-42", space=space))["known"] for space in ("shop", "default")] == [True, False]
    assert (await many(client, ["u-42"], space="shop"))[0]["known"] is True


async def test_parameters_that_mean_nothing_yet_are_ignored(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await users.apply([event("visit", T)])
    params: dict[str, Any] = {"request.device.type": "mobile", "x": "1"}
    assert (await lookup(client, "u-42", **params))["known"] is True


@pytest.mark.parametrize(
    ("user_id", "params"),
    [
        ("secret-1@example.com", {}),
        ("secret-1%20", {}),
        ("secret-1%0A", {}),
        ("secret-1%C3%A9", {}),
        ("s" * 129, {}),
        ("u", {"at": "secret-1"}),
        ("u", {"at": ""}),
        ("u", {"at": "-1"}),
        ("u", {"at": "1e3"}),
        ("u", {"at": "9" * 16}),
        ("u", {"at": "9" * 5_000}),
        ("u", {"at": "2024-11-22T01:46:40"}),
        ("u", {"at": "1969-12-31T23:59:59Z"}),
        ("u", {"at": "9999-12-31T23:59:59-23:59"}),
        ("u", {"space": "secret-1 "}),
        ("u", {"space": ""}),
        ("u", {"fields": "secret-1"}),
    ],
)
async def test_what_does_not_fit_is_refused_and_not_repeated(
    client: httpx.AsyncClient, user_id: str, params: dict[str, str]
) -> None:
    response = await client.get(f"/v1/users/{user_id}/segments", params=params)
    assert response.status_code == 422
    assert problem(response)["errors"]
    assert "secret-1" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"user_ids": "u"}',
        b'{"user_ids": [1]}',
        b'{"user_ids": ["secret-1@example.com"]}',
        b'{"user_ids": ["\\ud800"]}',
        b'{"user_ids": ["\xff"]}',
        b'{"user_ids": ["u"], "at": NaN}',
        b'{"user_ids": ["u"], "at": true}',
        b'{"user_ids": ["u"], "at": "1732240000000"}',
        b'{"user_ids": ["u"], "at": 99999999999999999999999}',
        b'{"user_ids": ["u"], "space": ""}',
        b'{"user_ids": ["u"], "fields": "all"}',
        b'{"user_ids": ["u"], "more": 1}',
        b'{"user_ids": ' + b"[" * 5_000,
        orjson.dumps({"user_ids": ["secret-1"] * 1_001}),
    ],
)
async def test_a_batch_that_does_not_fit_is_refused_and_not_repeated(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/lookup", content=body)
    assert response.status_code == 422
    assert problem(response)["errors"]
    assert "secret-1" not in response.text


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/lookup", content=b" " * 1_000_001)
    assert response.status_code == 413
    problem(response)


async def test_a_batch_is_answered_in_its_order_with_repeats(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "cart", CART)
    for index in range(0, 1_000, 100):
        await users.apply([event("add_to_cart", T, user_id=f"u{index}")])
    asked = [f"u{index}" for index in range(999)] + ["u0"]
    answers = await many(client, asked, at=T, fields="ids")
    assert [answer["user_id"] for answer in answers] == asked
    assert [index for index, answer in enumerate(answers) if answer["known"]] == [*range(0, 1_000, 100), 999]
    assert {tuple(answer["segments"]) for answer in answers if answer["known"]} == {("cart",)}


async def test_a_batch_of_nobody_is_an_empty_answer(client: httpx.AsyncClient) -> None:
    assert await many(client, []) == []


async def test_lookups_are_counted_by_outcome_and_name_nobody(
    client: httpx.AsyncClient, users: StoredUsers, caplog: pytest.LogCaptureFixture
) -> None:
    await users.apply([event("visit", T)])
    await lookup(client, "u-42")
    await many(client, ["u-42", "u-43"])
    assert await metric(client, 'tranche_api_lookups_total{outcome="known"}') == 2
    assert await metric(client, 'tranche_api_lookups_total{outcome="unknown"}') == 1
    assert "u-4" not in (await client.get("/metrics")).text
    assert "u-4" not in caplog.text


async def test_the_server_tells_its_own_time(client: httpx.AsyncClient) -> None:
    one, batch = await client.get("/v1/users/u/segments"), await client.post("/v1/lookup", content=b'{"user_ids": []}')
    for response in (one, batch):
        name, _, duration = response.headers["server-timing"].partition(";dur=")
        assert name == "total"
        assert 0 <= float(duration) < 5_000


class TestConsent:
    @pytest.fixture
    async def asked(self, client: httpx.AsyncClient, users: StoredUsers) -> None:
        await put(client, "ads", "count('visit') >= 1", purposes=[1, 4])
        await put(client, "site", "count('visit') >= 1", purposes=[])
        await users.apply([event("visit", T, user_id="silent")])
        await users.apply([event("visit", T, user_id="none", purposes=frozenset())])
        await users.apply([event("visit", T, user_id="some", purposes=frozenset({1, 3}))])
        await users.apply([event("visit", T, user_id="all", purposes=frozenset({1, 3, 4}))])

    @pytest.mark.usefixtures("asked")
    async def test_a_segment_is_shown_when_all_its_purposes_are_granted(self, client: httpx.AsyncClient) -> None:
        found = await many(client, ["silent", "none", "some", "all"], fields="ids")
        assert [each["segments"] for each in found] == [["ads", "site"], ["site"], ["site"], ["ads", "site"]]

    @pytest.mark.usefixtures("asked")
    async def test_silence_is_no_consent_where_consent_is_required(self, settings: ApiSettings) -> None:
        async with client_of(settings.model_copy(update={"consent_required": True})) as strict:
            found = await many(strict, ["silent", "none", "some", "all"], fields="ids")
        assert [each["segments"] for each in found] == [[], ["site"], ["site"], ["ads", "site"]]
        assert {each["known"] for each in found} == {True}


async def test_a_deleted_segment_is_not_shown(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "kept", "count('visit') >= 1")
    await put(client, "deleted", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    await client.delete("/v1/segments/deleted")
    assert (await lookup(client, "u-42", fields="ids"))["segments"] == ["kept"]


async def test_a_segment_made_anew_under_a_deleted_ones_name_inherits_nobody(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "name", "count('visit') >= 1")
    await users.apply([event("visit", T)])
    await client.delete("/v1/segments/name")
    await put(client, "name", "count('visit') >= 100")
    assert (await lookup(client, "u-42"))["segments"] == []
