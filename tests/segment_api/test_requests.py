"""What the ad request itself tells decides at the moment of the lookup, for known users and for strangers."""

from typing import Any

import httpx
import pytest

from tests.segment_api.running import lookup, many, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000  # 2024-11-22 01:46:40 UTC, a Friday; 02:46 in Paris, 10:46 in Tokyo
HOUR = 3_600_000
MOBILE = 'request("device.type") == "mobile"'


async def ids(client: httpx.AsyncClient, user_id: str, **params: Any) -> list[str]:
    answer = await lookup(client, user_id, fields="ids", **params)
    assert not answer["degraded"]
    return list(answer["segments"])


async def test_a_profile_and_a_request_decide_together(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "both", f'{MOBILE} and count("visit", within="1h") >= 1')
    await put(client, "either", f'{MOBILE} or count("visit", within="1h") >= 1')
    await put(client, "not-mobile", f"not {MOBILE}")
    await users.apply([event("visit", T)])
    mobile = {"request.device.type": "mobile"}
    assert await ids(client, "u-42", at=T, **mobile) == ["both", "either"]
    assert await ids(client, "u-42", at=T) == ["either", "not-mobile"]
    assert await ids(client, "u-42", at=T + HOUR, **mobile) == ["either"]
    assert await ids(client, "u-42", at=T + HOUR) == ["not-mobile"]


async def test_the_interval_is_that_for_a_request_that_stays_the_same(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "both", f'{MOBILE} and count("visit", within="1h") >= 1')
    await users.apply([event("visit", T)])
    answer = await lookup(client, "u-42", at=T + 5, **{"request.device.type": "mobile"})
    assert answer["segments"] == [{"id": "both", "since": T, "until": T + HOUR}]


async def test_a_stranger_is_judged_by_the_request_alone(client: httpx.AsyncClient) -> None:
    await put(client, "mobile", MOBILE)
    await put(client, "new", f'{MOBILE} and count("purchase") == 0')
    await put(client, "composed", 'segment("mobile") and since("purchase") > "1d"')
    await put(client, "buyers", f'{MOBILE} and count("purchase") >= 1')
    await put(client, "no-buyers", 'count("purchase") == 0')
    answer = await lookup(client, "nobody", at=T, **{"request.device.type": "mobile"})
    assert (answer["known"], answer["degraded"]) == (False, False)
    assert answer["segments"] == [{"id": name, "since": T, "until": None} for name in ("composed", "mobile", "new")]
    assert await ids(client, "nobody") == []


@pytest.mark.parametrize(
    ("params", "hour"),
    [
        ({}, 1),
        ({"at": T + HOUR}, 2),
        ({"request.timezone": "Asia/Tokyo"}, 10),
        ({"request.timezone": "No/Where"}, 1),
        ({"request.hour": "23"}, 23),
    ],
)
async def test_the_hour_is_that_of_the_moment_in_the_time_zone_of_the_request(
    client: httpx.AsyncClient, params: dict[str, Any], hour: int
) -> None:
    for each in (1, 2, 10, 23):
        await put(client, f"at-{each}", f'request("hour") == {each}')
    assert await ids(client, "nobody", **{"at": T, **params}) == [f"at-{hour}"]


async def test_without_one_of_the_request_the_users_time_zone_counts(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "morning", 'request("hour") == 10 and count("visit") >= 1')
    await put(client, "night", 'request("hour") < 6 and count("visit") >= 1')
    await users.apply([event("visit", T, context={"timezone": "Asia/Tokyo"})])
    assert await ids(client, "u-42", at=T) == ["morning"]
    assert await ids(client, "u-42", at=T, **{"request.timezone": "UTC"}) == ["night"]


async def test_weekdays_are_written_by_name_or_number(client: httpx.AsyncClient) -> None:
    await put(client, "friday", 'request("weekday") == "fri"')
    await put(client, "weekend", 'request("weekday") in ["sat", "Sunday"]')
    await put(client, "late", 'request("weekday") >= 5')
    assert await ids(client, "nobody", at=T) == ["friday", "late"]
    assert await ids(client, "nobody", at=T + 24 * HOUR) == ["late", "weekend"]
    assert await ids(client, "nobody", at=T, **{"request.weekday": "sunday"}) == ["late", "weekend"]


async def test_text_of_a_query_is_read_as_what_the_rule_compares_it_with(client: httpx.AsyncClient) -> None:
    await put(client, "adult", 'request("age") >= 18')
    await put(client, "text", 'request("age") == "18"')
    await put(client, "app", 'request("is_app") == True')
    assert await ids(client, "nobody", **{"request.age": "18"}) == ["adult", "text"]
    assert await ids(client, "nobody", **{"request.age": "old", "request.is_app": "true"}) == ["app"]
    assert await ids(client, "nobody", **{"request.age": "018", "request.is_app": "True"}) == ["adult", "app"]
    assert await ids(client, "nobody", **{"request.age": "1e999", "request.is_app": "1"}) == []


async def test_a_batch_is_told_with_json_in_which_types_are_what_they_are(client: httpx.AsyncClient) -> None:
    await put(client, "mobile", MOBILE)
    await put(client, "adult", 'request("age") >= 18')
    nested = await many(client, ["a", "b"], request={"device": {"type": "mobile"}, "age": 18}, fields="ids")
    assert [answer["segments"] for answer in nested] == [["adult", "mobile"]] * 2
    dotted = await many(client, ["a"], request={"device.type": "mobile", "age": "18"}, fields="ids")
    assert dotted[0]["segments"] == ["mobile"]


@pytest.mark.parametrize("value", [None, [], {}, [1, 2], -1e300, "x" * 5_000, {"a": {"b": None}}, {"timezone": 3}])
async def test_nothing_that_a_request_tells_is_an_error(client: httpx.AsyncClient, value: object) -> None:
    await put(client, "mobile", MOBILE)
    await put(client, "evening", 'request("hour") >= 18')
    told = {"device": {"type": value}, "timezone": value, "hour": value, "weekday": value}
    (answer,) = await many(client, ["a"], request=told, at=T)
    assert answer["segments"] == []


async def test_a_request_that_nests_without_end_is_refused(client: httpx.AsyncClient) -> None:
    told: dict[str, Any] = {}
    for _ in range(30):
        told = {"a": told}
    response = await client.post("/v1/lookup", json={"user_ids": ["a"], "request": told})
    assert response.status_code == 422


async def test_consent_is_respected_where_the_request_decides_too(
    client: httpx.AsyncClient, users: StoredUsers
) -> None:
    await put(client, "mobile", f'{MOBILE} and count("visit") >= 1', purposes=[1, 3])
    await users.apply([event("visit", T, purposes=frozenset({1}))])
    assert await ids(client, "u-42", **{"request.device.type": "mobile"}) == []
    await users.apply([event("visit", T + 1, purposes=frozenset({1, 3}))])
    assert await ids(client, "u-42", **{"request.device.type": "mobile"}) == ["mobile"]
