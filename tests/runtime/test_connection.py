"""A client's connection: what is held of a head, how long it may take, and how it ends, over real sockets."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime import connection
from services.runtime.connection import HEAD_BYTES, Connection, arrived_s
from services.runtime.http import StoppableServer, server_config
from services.segment_api.export import stream
from services.segment_api.export.stream import Stream
from services.segment_api.lookups import batch
from services.segment_api.lookups.batch import HeldResponse
from services.segment_api.turns import Turns
from tests.support.ports import free_ports

LARGE = b"x" * 20_000_000
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answered(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells the path, once the body is there."""
    while (await receive()).get("more_body"):
        pass
    path = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(path))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": path})


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[Client]:
    (port,) = free_ports(0)
    server = StoppableServer(server_config(app, "127.0.0.1", port))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.transport.abort()
    server.should_exit = True
    await asyncio.wait_for(serving, 15)


async def until_ended(client: Client) -> bytes:
    answer = b""
    with suppress(ConnectionError):
        while piece := await asyncio.wait_for(client[0].read(1_000), 5):
            answer += piece
    return answer


async def sent(client: Client, piece: bytes, most_bytes: int) -> int:
    """How much is taken, piece by piece, until the server has ended the connection."""
    reader, writer = client
    total = 0
    with suppress(ConnectionError):
        while total < most_bytes and not reader.at_eof():
            writer.write(piece)
            await writer.drain()
            total += len(piece)
            await asyncio.sleep(0.001)
    return total


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (HEAD, b"a: " + b"x" * 8_000 + b"\r\n"),
        (HEAD, b"a:\r\n" * 500),
        (HEAD + b"a: ", b"x" * 8_000),
        (HEAD, b"x" * 8_000),
        (b"GET /", b"x" * 8_000),
    ],
)
async def test_a_head_without_an_end_is_refused(begin: bytes, piece: bytes) -> None:
    async with served(answered) as client:
        client[1].write(begin)
        answer = asyncio.create_task(until_ended(client))
        assert await sent(client, piece, 10_000_000) < 2_000_000
        assert b" 431 " in await answer


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (CHUNKED + b"0\r\n", b"a: " + b"x" * 8_000 + b"\r\n"),
        (CHUNKED + b"0\r\na: ", b"x" * 8_000),
        (CHUNKED + b"5;a=", b"x" * 8_000),
    ],
)
async def test_nor_is_anything_else_held_without_a_bound(begin: bytes, piece: bytes) -> None:
    async with served(answered) as client:
        client[1].write(begin)
        assert await sent(client, piece, 10_000_000) < 2_000_000


async def test_a_large_head_is_taken_and_so_is_a_body_of_any_size_and_what_follows_it() -> None:
    async with served(answered) as client:
        large = b"a: " + b"x" * (HEAD_BYTES - 500) + b"\r\n\r\n"
        client[1].write(b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n" + large + b"x" * 5_000_000)
        for number in b"23":
            client[1].write(b"GET /%c HTTP/1.1\r\nhost: x\r\n" % number + large)
        for number in b"123":
            assert await asyncio.wait_for(client[0].readuntil(b"/%c" % number), 5)


async def test_a_head_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.2)
    async with served(answered) as client:
        client[1].write(HEAD)
        began_s = time.monotonic()
        dripping = asyncio.create_task(sent(client, b"a: b\r\n", 1_000_000))
        assert b" 408 " in await until_ended(client)
        assert time.monotonic() - began_s < 2
        await dripping


async def test_a_head_in_time_and_a_slow_body_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.1)
    async with served(answered) as client:
        client[1].write(b"POST /slow HTTP/1.1\r\nhost: x\r\n")
        await asyncio.sleep(0.02)
        client[1].write(b"content-length: 2\r\n\r\nx")
        await asyncio.sleep(0.3)
        client[1].write(b"x")
        assert await asyncio.wait_for(client[0].readuntil(b"/slow"), 5)


async def test_a_wait_behind_a_request_of_ones_own_is_no_wait_for_a_turn() -> None:
    waited_s: list[float] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        waited_s.append(time.monotonic() - arrived_s(scope))
        await asyncio.sleep(0.2)
        await answered(scope, receive, send)

    async with served(slow) as client:
        client[1].write((HEAD + b"\r\n") * 3)
        for _ in range(3):
            await asyncio.wait_for(client[0].readuntil(b"\r\n\r\n/"), 5)
    assert len(waited_s) == 3
    assert max(waited_s) < 0.1


async def held(scope: Scope, receive: Receive, send: Send) -> None:
    await HeldResponse(ExitStack(), LARGE, {})(scope, receive, send)


async def streamed(scope: Scope, receive: Receive, send: Send) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield LARGE

    await Stream(pieces(), "text/plain", Turns("exports", 1, 1))(scope, receive, send)


async def small(_: Scope, __: Receive, send: Send) -> None:
    """What is left of it in the server's memory is little enough to be taken for sent."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(LARGE))]})
    await send({"type": "http.response.body", "body": LARGE})


@pytest.mark.parametrize("app", [held, streamed, small])
async def test_a_client_that_reads_nothing_leaves_nothing_behind(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "STALLED_S", 0.1)
    monkeypatch.setattr(stream, "STALLED_S", 0.1)
    monkeypatch.setattr(connection, "UNTAKEN_S", 0.1)
    made: list[weakref.ref[Connection]] = []
    ended: list[float] = []
    made_connection, lost_connection = Connection.connection_made, Connection.connection_lost

    def note(self: Connection, transport: asyncio.Transport) -> None:
        self.timeout_keep_alive = 0.1  # type: ignore[assignment]
        made.append(weakref.ref(self))
        made_connection(self, transport)

    def note_end(self: Connection, exc: Exception | None) -> None:
        ended.append(time.monotonic())
        lost_connection(self, exc)

    monkeypatch.setattr(Connection, "connection_made", note)
    monkeypatch.setattr(Connection, "connection_lost", note_end)
    async with served(app) as client:
        client[1].transport.pause_reading()  # type: ignore[attr-defined]
        client[1].write(HEAD + b"\r\n")
        async with asyncio.timeout(5):
            while not ended:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        gc.collect()
        assert len(made) == len(ended) == 1
        assert made[0]() is None
