"""An edit is in force for every stored user at once, long before the background pass has come by."""

import httpx

from tests.segment_api.running import lookup, metric, put
from tests.segment_api.stored import StoredUsers, event

T = 1_732_240_000_000
HOUR = 3_600_000
EVALUATED = "tranche_api_profiles_evaluated_total"


async def ids(client: httpx.AsyncClient, **params: object) -> list[str]:
    return list((await lookup(client, "u-42", at=T, fields="ids", **params))["segments"])


async def test_new_and_edited_segments_are_evaluated_on_the_spot(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "kept", 'count("visit") >= 1')
    await put(client, "edited", 'count("visit") >= 5')
    await users.apply([event("visit", T - 5), event("visit", T)])
    assert await ids(client) == ["kept"]
    await put(client, "edited", 'count("visit") >= 2')
    await put(client, "new", 'since("visit") < "1h"')
    assert await ids(client) == ["edited", "kept", "new"]
    await client.delete("/v1/segments/kept")
    assert await ids(client) == ["edited", "new"]


async def test_what_was_not_edited_keeps_its_beginning(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "kept", 'count("visit") >= 1')
    await users.apply([event("visit", T - 5)])
    await users.apply([event("visit", T)])
    await put(client, "new", 'since("visit") < "1h"')
    answer = await lookup(client, "u-42", at=T)
    assert answer["segments"] == [
        {"id": "kept", "since": T - 5, "until": None},
        {"id": "new", "since": T, "until": T + HOUR},
    ]


async def test_an_edit_reaches_what_is_composed_of_the_edited(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "part", 'count("visit") >= 5')
    await put(client, "whole", 'not segment("part")')
    await users.apply([event("visit", T)])
    assert await ids(client) == ["whole"]
    await put(client, "part", 'count("visit") >= 1')
    assert await ids(client) == ["part"]


async def test_an_edited_question_to_the_request_is_asked_anew(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "device", 'request("device.type") == "mobile" and count("visit") >= 1')
    await users.apply([event("visit", T)])
    assert await ids(client, **{"request.device.type": "mobile"}) == ["device"]
    await put(client, "device", 'request("geo.country") == "FR" and count("visit") >= 1')
    assert await ids(client, **{"request.device.type": "mobile"}) == []
    assert await ids(client, **{"request.geo.country": "FR"}) == ["device"]


async def test_profiles_are_read_only_while_something_was_edited(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "kept", 'count("visit") >= 1')
    await put(client, "gone", 'count("visit") >= 1')
    await users.apply([event("visit", T)])
    assert await ids(client) == ["gone", "kept"]
    await client.delete("/v1/segments/gone")
    assert await ids(client) == ["kept"]
    assert await metric(client, EVALUATED) == 0
    await put(client, "new", 'count("visit") >= 1')
    assert await ids(client) == ["kept", "new"]
    assert await metric(client, EVALUATED) == 1


async def test_a_draft_is_evaluated_and_not_served(client: httpx.AsyncClient, users: StoredUsers) -> None:
    await put(client, "draft", 'count("visit") >= 1', status="draft")
    await put(client, "whole", 'segment("draft")')
    await users.apply([event("visit", T)])
    assert await ids(client) == ["whole"]
    await put(client, "draft", 'count("visit") >= 1', status="live")
    assert await ids(client) == ["draft", "whole"]
