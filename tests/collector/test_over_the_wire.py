"""What only shows on a real connection: bodies that are too long, too slow, or end too soon."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import orjson
import pytest
from fastapi import FastAPI

from services.collector.settings import CollectorSettings
from services.runtime.http import StoppableServer, server_config
from tests.collector.examples import event
from tests.collector.memory_log import MemoryLog, Mood

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.fixture
def settings() -> CollectorSettings:
    return CollectorSettings(body_timeout_s=0.5, append_timeout_s=20, max_in_flight_bytes=32 * 1024 * 1024)


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    server = StoppableServer(server_config(app, "127.0.0.1", 0))

    async def started() -> bool:
        return server.started

    serving = asyncio.create_task(server.serve())
    await until(started)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await asyncio.wait_for(serving, 15)


@pytest.fixture
async def connection(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()


@pytest.fixture
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold in time")


def head(*fields: str) -> bytes:
    return "\r\n".join(["POST /v1/events HTTP/1.1", "Host: collector", *fields, "", ""]).encode()


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    """The head and body of the next answer."""
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return answer + await reader.readexactly(int(length))


async def held_bytes(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    return float(text.partition("\ntranche_collector_in_flight_bytes ")[2].split()[0])


async def test_a_body_announced_too_large_is_refused_unread_and_the_connection_closed(connection: Connection) -> None:
    reader, writer = connection
    writer.write(head("Content-Length: 999999999999"))
    answer = await answer_of(reader)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_client_that_asks_before_it_sends_is_not_told_to_go_on(connection: Connection) -> None:
    reader, writer = connection
    writer.write(head("Content-Length: 999999999999", "Expect: 100-continue"))
    assert (await answer_of(reader)).startswith(b"HTTP/1.1 413 ")
    assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_streamed_body_is_refused_as_soon_as_it_is_too_large(connection: Connection) -> None:
    reader, writer = connection
    writer.write(head("Transfer-Encoding: chunked"))
    answering = asyncio.create_task(answer_of(reader))
    sent_bytes = 0
    while not answering.done() and sent_bytes < 64 * 1024 * 1024:
        writer.write(CHUNK)
        sent_bytes += 0x10000
        await writer.drain()
    assert (await answering).startswith(b"HTTP/1.1 413 ")
    assert 16 * 1024 * 1024 < sent_bytes < 32 * 1024 * 1024


async def test_whoever_sends_on_after_the_refusal_is_cut_off(connection: Connection) -> None:
    reader, writer = connection
    writer.write(head("Transfer-Encoding: chunked", "Content-Encoding: gzip"))
    assert (await answer_of(reader)).startswith(b"HTTP/1.1 415 ")

    async def send_on() -> None:
        while True:
            writer.write(b"1\r\n \r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_on(), 5)


async def test_a_body_that_trickles_in_is_given_up(connection: Connection, log: MemoryLog) -> None:
    reader, writer = connection
    body = orjson.dumps(event())
    writer.write(head(f"Content-Length: {len(body)}"))
    answering = asyncio.create_task(answer_of(reader))
    for index in range(len(body)):
        if answering.done():
            break
        writer.write(body[index : index + 1])
        await asyncio.sleep(0.05)
    assert (await answering).startswith(b"HTTP/1.1 408 ")
    assert not log.messages


async def test_a_client_that_leaves_takes_nothing_with_it(port: int, client: httpx.AsyncClient, log: MemoryLog) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head("Content-Length: 100000") + b" " * 50_000)
    await writer.drain()
    writer.transport.abort()

    async def gone() -> bool:
        return 'request_seconds_count{status="400"} 1.0' in (await client.get("/metrics")).text

    await until(gone)
    assert await held_bytes(client) == 0
    assert (await client.post("/v1/events", content=orjson.dumps(event()))).status_code == 202
    assert len(log.messages) == 1


async def test_what_there_is_no_room_for_is_shed_before_it_is_read(
    connection: Connection, client: httpx.AsyncClient, log: MemoryLog
) -> None:
    log.mood = Mood.SILENT
    large = orjson.dumps([event(properties={"pad": "x" * 30_000})] * 300)
    waiting = [asyncio.create_task(client.post("/v1/events", content=large, timeout=20)) for _ in range(3)]

    async def full() -> bool:
        return await held_bytes(client) > 3 * len(large)

    await until(full)
    reader, writer = connection
    writer.write(head(f"Content-Length: {len(large)}"))
    shed = await answer_of(reader)
    assert shed.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in shed.lower()
    log.released.set()
    assert {response.status_code for response in await asyncio.gather(*waiting)} == {202}
    assert len(log.messages) == 900
    assert await held_bytes(client) == 0
    assert (await client.post("/v1/events", content=large)).status_code == 202


async def test_requests_follow_each_other_on_one_connection(connection: Connection) -> None:
    reader, writer = connection
    for body in (orjson.dumps(event()), b"nonsense", orjson.dumps([event()])):
        writer.write(head(f"Content-Length: {len(body)}") + body)
        answer = await answer_of(reader)
        assert answer.startswith(b"HTTP/1.1 422 " if body == b"nonsense" else b"HTTP/1.1 202 ")
        assert b"\r\nserver:" not in answer.lower()


async def test_what_is_not_http_is_a_400(connection: Connection) -> None:
    reader, writer = connection
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert (await answer_of(reader)).startswith(b"HTTP/1.1 400 ")
