"""The express answers what the route answers, byte for byte, or leaves it to the route."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from services.segment_api import app as wiring
from services.segment_api.settings import ApiSettings
from services.segmentation.membership import Membership
from services.segmentation.wire.membership import encode_membership
from tests.segment_api.any_membership import memberships
from tests.segment_api.running import client_of, put
from tests.segment_api.stored import StoredUsers, event
from tests.support.raw_http import exchange, listening

NOW = 1_732_240_000_123
HOUR = 3_600_000
SIX = NOW - NOW % (24 * HOUR) + 6 * HOUR
PATH = "/v1/users/u-42/segments"
SEGMENTS = {
    "zeta": "count('add_to_cart') >= 1",
    "cart": "count('add_to_cart', within='1h') >= 1 and count('purchase', within='1h') == 0",
    "cart-2": "count('add_to_cart') >= 1 and count('purchase', within='2h') == 0",
    "ads": "count('add_to_cart') >= 1",
    "gone": "since('add_to_cart') > '2h'",
    "odd": "count('add_to_cart', within='1d') in [0, 2, 4, 6, 8, 10]",
    "mobile": "count('add_to_cart') >= 1 and request('device.type') == 'mobile'",
    "desk": "request('device.type') != 'mobile' and since('add_to_cart') < '30m'",
    "night": "request('hour') < 6 and count('add_to_cart') >= 1",
    "draft": "count('add_to_cart') >= 1",
}


class Both(NamedTuple):
    express: int
    route: int
    routed: list[str]
    """The paths that reached the route behind the express."""

    async def answers(self, request: bytes, answers: int = 1) -> tuple[list[bytes], list[bytes]]:
        express, route = [await exchange(port, request, answers=answers) for port in (self.express, self.route)]
        return [told(each) for each in express], [told(each) for each in route]

    async def same(self, request: bytes) -> bytes:
        (express,), (route,) = await self.answers(request)
        assert express == route
        return express


def told(answer: bytes) -> bytes:
    """But for how long it took."""
    return re.sub(rb"total;dur=\d+\.\d\d", b"total;dur=", answer)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "now_ms", lambda: NOW)


@pytest.fixture(params=[False, True], ids=["silence-is-consent", "consent-required"])
def settings(request: pytest.FixtureRequest, clean_redis_url: str) -> ApiSettings:
    return ApiSettings(
        redis_url=clean_redis_url,
        partitions=8,
        lookup_deadline_ms=5_000,
        consent_required=request.param,
        time_zones="UTC shop=Asia/Tokyo",
    )


@pytest.fixture
async def both(settings: ApiSettings, users: StoredUsers) -> AsyncIterator[Both]:
    """One API twice behind a port, and users of all sorts."""
    routed: list[str] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(settings))
        for name, rule in SEGMENTS.items():
            purposes, status = ([1, 4] if name == "ads" else []), ("draft" if name == "draft" else "live")
            assert (await put(client, name, rule, purposes=purposes, status=status)).is_success
        for user_id, granted in [("u-42", [1, 2]), ("all", [1, 4]), ("none", [])]:
            await users.apply([event("add_to_cart", NOW - HOUR // 2, user_id, purposes=frozenset(granted))])
        await users.apply([event("add_to_cart", NOW - HOUR // 2, "silent")])
        await users.apply([event("add_to_cart", NOW - HOUR // 2, "u-42", space="shop", purposes=frozenset({4}))])
        await users.apply([event("add_to_cart", NOW + HOUR, "ahead")])
        await users.apply([event("add_to_cart", NOW - minute * 600_000, "often") for minute in range(12)])
        await users.apply([event("add_to_cart", NOW, "damaged")])
        await users.damage("damaged", membership=b"\xc1")
        app = await stack.enter_async_context(wiring.open_app(settings))

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            routed.append(scope["path"])
            await app(scope, receive, send)

        express = await stack.enter_async_context(listening(noted, app.express))
        route = await stack.enter_async_context(listening(app))
        yield Both(express, route, routed)


def get(target: str, headers: str = "Host: x\r\n") -> bytes:
    return f"GET {target} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


PLAIN = [
    *(f"/v1/users/{user_id}/segments" for user_id in ("u-42", "all", "none", "silent", "ahead", "often", "damaged")),
    *(f"/v1/users/{user_id}/segments" for user_id in ("nobody", "a.b_c~d:e|f=g+h-i", "..", "x" * 128)),
    f"/v1/users/often/segments?at={NOW + 23 * HOUR}",  # takes the profile
    f"{PATH}?fields=ids",
    f"{PATH}?space=shop",
    f"{PATH}?space=shop&fields=ids",
    f"{PATH}?at={NOW}",
    f"{PATH}?at={NOW + HOUR // 2 - 1}",
    f"{PATH}?at={NOW + HOUR // 2}",
    f"{PATH}?at={NOW + 3 * HOUR}",
    *(f"{PATH}?at={SIX + shift}{space}" for shift in (-1, 0) for space in ("", "&space=shop")),
    f"{PATH}?request.device.type=mobile",
    f"{PATH}?request.device.type=mobile&fields=ids",
    f"{PATH}?request.hour=3",
    f"{PATH}?request.timezone=America_Nowhere",
    f"{PATH}?space=shop&request.device.type=tv",
    "/v1/users/nobody/segments?request.device.type=tv",
    f"/v1/users/nobody/segments?at={NOW + 5}&fields=ids",
    f"{PATH}?",
    f"{PATH}?fields=ids&",
]


async def test_what_is_asked_plainly_is_answered_without_the_route_and_the_same(both: Both) -> None:
    for _ in range(3):  # the third time from memory
        for target in PLAIN:
            assert (await both.same(get(target))).startswith(b"HTTP/1.1 200 "), target
    assert both.routed == []


async def test_an_edit_is_answered_by_the_express_too(both: Both, settings: ApiSettings) -> None:
    async with client_of(settings) as client:
        assert (await put(client, "edited", "count('add_to_cart') >= 1")).is_success
    async with asyncio.timeout(5):
        while b'"edited"' not in (await exchange(both.express, get(PATH)))[0]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    await both.same(get(PATH))
    assert both.routed == []


ODD = [
    get(f"{PATH}?at={NOW - HOUR}"),  # before the latest event
    get(f"{PATH}?at=2024-11-22T01:46:40.123Z"),
    get(f"{PATH}?at=-1"),
    get(f"{PATH}?at=007"),
    get(f"{PATH}?at={'9' * 15}"),
    get(f"{PATH}?at={'9' * 16}"),
    get(f"{PATH}?at="),
    get(f"{PATH}?space="),
    get(f"{PATH}?space=A"),
    get(f"{PATH}?space={'s' * 65}"),
    get(f"{PATH}?fields=all"),
    get(f"{PATH}?fields=ids&fields=ids"),
    get(f"{PATH}?fields=ids&fields=all"),
    get(f"{PATH}?min_catalog=1"),
    get(f"{PATH}?min%5Fcatalog=1"),
    get(f"{PATH}?x=1"),
    get(f"{PATH}?request.device.type=mob%69le"),
    get(f"{PATH}?request.device.type=a+b"),
    get(f"{PATH}?request.a={'b' * 600}"),
    get(f"{PATH}#f"),
    get("/v1/users/u%2D42/segments"),
    get("/v1/users/u@x/segments"),
    get("/v1/users/\xe9/segments"),
    get("/v1/users//segments"),
    get(f"/v1/users/{'x' * 129}/segments"),
    get(f"{PATH}/"),
    get(f"{PATH}%0A"),
    get(f"//x{PATH}"),
    get(f"http://x{PATH}"),
    get("/v1/users/u-42/segments/cart/explain"),
    get(PATH, "Host: x\r\nContent-Length: 0\r\n"),
    get(PATH, "Host: x\r\nContent-Length: 2\r\n") + b"{}",
    get(PATH, "Host: x\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    get(PATH, "Host: x\r\nConnection: close\r\n"),
    get(PATH, "Host: x\r\nconnection: keep-alive, upgrade\r\nupgrade: h2c\r\n"),
    get(PATH, "Host: x\r\nExpect: 100-continue\r\n"),
    get(PATH, "Host: x\r\n folded: y\r\n"),
    get(PATH, "Host: x\r\nbad name: y\r\n"),
    get(PATH, "Host: x\r\nno-colon\r\n"),
    get(PATH, "Host: x\r\nnul: \x00\r\n"),
    get(PATH, "Host: x\r\nlarge: " + "y" * 9_000 + "\r\n"),
    get(PATH).replace(b"1.1", b"1.0"),
    get(PATH).replace(b"HTTP/1.1", b"HTTP/1.2"),
    get(PATH).replace(b"HTTP/1.1", b"http/1.1"),
    get(PATH).replace(b"\r\n", b"\n"),
    get(PATH).replace(b"GET", b"get"),
    get(PATH).replace(b"GET", b"POST"),
    get(PATH).replace(b"GET", b"PUT"),
    get(PATH).replace(b"GET ", b"GET  "),
    b"\r\n" + get(PATH),
]


async def test_all_else_is_the_routes(both: Both) -> None:
    found = {request: await both.answers(request) for request in ODD}
    assert [request for request, (express, route) in found.items() if express != route] == []
    assert len(both.routed) > len(ODD) / 2  # what is no HTTP at all reaches nobody
    assert sum(map(len, (route for _, route in found.values()))) > len(ODD) * 0.8


ABOUT_THE_CONNECTION = [
    ("Content-Length: 2", b"{}"),
    ("Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"),
    ("Expect: 100-continue\r\nContent-Length: 2", b"{}"),
    ("Connection: close", b""),
    ("Connection: keep-alive, close", b""),
    ("Proxy-Connection: close", b""),
    ("Connection: upgrade\r\nUpgrade: h2c", b""),
    ("Upgrade: websocket", b""),
]


@pytest.mark.parametrize(("header", "body"), ABOUT_THE_CONNECTION)
async def test_what_a_head_says_about_the_connection_holds(both: Both, header: str, body: bytes) -> None:
    pieces = [get(PATH, f"{header}\r\n"), body, get(f"{PATH}?fields=ids")]
    express, route = [await exchange(port, *pieces, answers=2) for port in (both.express, both.route)]
    assert [told(each) for each in express] == [told(each) for each in route]
    assert both.routed


HEADERS = [
    "",
    "Host: x\r\nUser-Agent: a/1 (b; c)\r\nAccept: */*\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n",
    "host:x\r\nconnection:Keep-Alive \r\nx-empty:\r\nx-high: \xe9\r\n",
]


async def test_headers_that_say_nothing_about_the_connection_are_plain(both: Both) -> None:
    for headers in HEADERS:
        assert (await both.same(get(PATH, headers))).startswith(b"HTTP/1.1 200 ")
    assert both.routed == []


async def test_requests_in_one_piece_are_answered_in_their_order(both: Both) -> None:
    targets = [PATH, f"{PATH}?x=1", f"{PATH}?fields=ids", "/v1/users/nobody/segments", f"{PATH}?at=x", PATH]
    express, route = await both.answers(b"".join(map(get, targets)), len(targets))
    assert express == route
    assert len(express) == len(targets)


async def test_plain_and_odd_requests_take_turns_on_a_connection(both: Both) -> None:
    targets = [PATH, f"{PATH}?x=1", PATH, f"{PATH}?at={NOW - HOUR}", f"{PATH}?fields=ids"]
    for pieces in ([get(each) for each in targets], [bytes([byte]) for each in targets for byte in get(each)]):
        found = await exchange(both.express, *pieces, answers=len(targets))
        alone = [(await exchange(both.route, get(each)))[0] for each in targets]
        assert [told(each) for each in found] == [told(each) for each in alone]


async def test_many_at_once_each_get_their_own(both: Both) -> None:
    names = [f"user-{number}" for number in range(200)]
    found = await asyncio.gather(*(exchange(both.express, get(f"/v1/users/{name}/segments")) for name in names))
    assert all(f'"user_id":"{name}"'.encode() in answer for name, (answer,) in zip(names, found, strict=True))


STORED = memberships(NOW, len(SEGMENTS), asking_for=[6, 7, 8])
QUERIES = ["", "?fields=ids", "?request.device.type=mobile", f"?at={NOW + HOUR}", "?request.hour=3"]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=STORED, data=st.data())
async def test_whatever_membership_is_stored_both_answer_the_same(
    both: Both, users: StoredUsers, stored: Membership, data: st.DataObject
) -> None:
    await users.damage("u-42", membership=encode_membership(stored))
    for query in data.draw(st.lists(st.sampled_from(QUERIES), min_size=3, max_size=5)):
        await both.same(get(PATH + query))


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(good=STORED, cut=st.integers(0, 200), change=st.integers(0, 255), data=st.data())
async def test_damaged_bytes_are_damaged_for_both(
    both: Both, users: StoredUsers, good: Membership, cut: int, change: int, data: st.DataObject
) -> None:
    stored = bytearray(encode_membership(good))
    stored[cut % len(stored)] = change
    await users.damage("u-42", membership=bytes(stored[: data.draw(st.integers(1, len(stored)))]))
    await both.same(get(PATH))
