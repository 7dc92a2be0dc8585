"""The express and the connection: what is taken, in which order answers leave, and how a connection ends."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from services.runtime.express import PLAIN_HEAD_BYTES, ExpressConnection, is_plain
from tests.runtime.expresses import BODY, PLAIN, Kept, Routed
from tests.support.raw_http import exchange, listening


@pytest.fixture
async def port(express: Kept, routed: Routed) -> AsyncIterator[int]:
    async with listening(routed, express) as port:
        yield port


def bodies(answers: list[bytes]) -> list[bytes]:
    return [answer.partition(b"\r\n\r\n")[2] for answer in answers]


async def test_an_answer_has_the_date_and_what_the_express_says(express: Kept, port: int) -> None:
    asking = asyncio.create_task(exchange(port, PLAIN % b"u"))
    await express.answer()
    assert await asking == [
        b"HTTP/1.1 200 OK\r\ndate: Fri, 22 Nov 2024 01:46:40 GMT\r\ncontent-length: 1\r\n\r\nu",
    ]


@pytest.mark.parametrize("head", [b"a:%b\0", b"a:%b\r\n\0", b"connection:%bx\r\n\0", b"connection: keep-alive%b\0"])
def test_the_longest_head_is_judged_without_trying_anything_twice(head: bytes) -> None:
    """Of what a quadratic search would take a second for."""
    begin_s = time.process_time()
    for _ in range(20):
        assert not is_plain(head % (b" " * (PLAIN_HEAD_BYTES - 100)))
    assert time.process_time() - begin_s < 1


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"\r\n", True),
        (b"Host: a\r\nAccept:\t*/* \r\n\r\n", True),
        (b"Host: a\r\nConnection:keep-alive\t\r\n\r\n", True),
        (b"Host: a\r\nConnection: close\r\n\r\n", False),
        (b"Host: a\r\nConnection: keep-alive, upgrade\r\n\r\n", False),
        (b"Host: a\r\nContent-Length: 0\r\n\r\n", False),
        (b"Host : a\r\n\r\n", False),
        (b"Host: a\r\n folded\r\n\r\n", False),
        (b"Host: a\r\n", False),
        (b"Host: a\r\n\r\nGET", False),
    ],
)
def test_a_head_is_plain_that_says_nothing_of_the_connection(head: bytes, plain: bool) -> None:
    assert is_plain(head) is plain


async def test_what_is_sent_ahead_waits_for_its_turn(express: Kept, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PLAIN % b"1")
    first = await express.asked()
    writer.write(PLAIN % b"2" + b"GET /3 HTTP/1.1\r\n\r\n")
    await asyncio.sleep(0.02)
    assert len(express.callers) == 1
    first[1].answer(BODY % (1, b"1"))
    found = [await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) + await reader.readexactly(1)]
    found.append(await asyncio.wait_for(reader.readuntil(b"segments"), 5))
    found.append(await asyncio.wait_for(reader.readuntil(b"/3"), 5))
    assert bodies(found) == [b"1", b"/v1/users/2/segments", b"/3"]
    writer.write(PLAIN % b"4")  # and after that it is plain again
    await express.answer()
    assert (await asyncio.wait_for(reader.readuntil(b"4"), 5))[-1:] == b"4"
    writer.close()


async def test_what_is_handed_over_is_routed_and_counts_from_its_arrival(
    express: Kept, routed: Routed, port: int
) -> None:
    asking = asyncio.create_task(exchange(port, PLAIN % b"u"))
    _, caller = await express.asked()
    caller.hand_over(12.5)
    assert bodies(await asking) == [b"/v1/users/u/segments"]
    assert routed.arrived_s == [12.5]
    await exchange(port, b"GET /later HTTP/1.1\r\n\r\n")
    assert routed.arrived_s[1] > 12.5


async def test_nothing_plain_overtakes_what_is_routed(express: Kept) -> None:
    is_routed, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        is_routed.set()
        await go_on.wait()
        await Routed()(scope, receive, send)

    async with listening(slow, express) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /1 HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(is_routed.wait(), 5)
        writer.write(PLAIN % b"2")
        await asyncio.sleep(0.05)
        go_on.set()
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n/1"), 5)
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n/v1/users/2/segments"), 5)
        writer.close()


@pytest.mark.parametrize("begin", [b"GE", b"GET /x HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\ncontent-length: 900\r\n\r\n"])
async def test_what_looks_plain_in_the_midst_of_something_else_is_a_part_of_that(
    express: Kept, port: int, begin: bytes
) -> None:
    await exchange(port, begin, PLAIN % b"u", b"")
    assert express.callers == []


async def test_a_client_that_has_gone_is_no_trouble(express: Kept, port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PLAIN % b"u")
    _, caller = await express.asked()
    writer.transport.abort()
    await asyncio.sleep(0.05)
    caller.answer(BODY % (1, b"u"))
    caller.hand_over(1.0)
    asking = asyncio.create_task(exchange(port, PLAIN % b"v"))
    await express.answer()
    assert bodies(await asking) == [b"v"]


async def test_a_connection_at_rest_is_closed_and_one_in_use_is_not(
    express: Kept, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ExpressConnection] = []
    begin = ExpressConnection.connection_made

    def note(self: ExpressConnection, transport: asyncio.Transport) -> None:
        self.timeout_keep_alive = 0.2  # type: ignore[assignment]
        made.append(self)
        begin(self, transport)

    monkeypatch.setattr(ExpressConnection, "connection_made", note)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(6):  # three times as long as it may rest
        writer.write(PLAIN % b"u")
        await express.answer()
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\nu"), 5)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.1)
    began_s = asyncio.get_running_loop().time()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert asyncio.get_running_loop().time() - began_s < 2
    writer.close()


async def test_the_last_answer_before_a_stop_says_so(express: Kept, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = asyncio.create_task(exchange(port, PLAIN % b"u", answers=2))
    _, caller = await express.asked()
    assert isinstance(caller, ExpressConnection)
    caller.shutdown()
    caller.answer(BODY % (1, b"u"))
    (answer,) = await asking
    assert b"\r\nconnection: close\r\n" in answer


async def test_an_answer_that_nobody_takes_keeps_further_requests_from_the_express(express: Kept, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(PLAIN % b"u")
    _, caller = await express.asked()
    large = b"x" * 20_000_000
    caller.answer(BODY % (len(large), large))
    writer.write(PLAIN % b"v")
    await asyncio.sleep(0.1)
    assert len(express.callers) == 1
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert await asyncio.wait_for(reader.readexactly(len(large)), 20) == large
    assert await asyncio.wait_for(reader.readuntil(b"/v1/users/v/segments"), 5)
    writer.close()
