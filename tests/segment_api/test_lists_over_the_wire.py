"""Uploads on a real connection: bodies that are long, that end too soon, or whose answer comes before their end."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.runtime.http import StoppableServer, server_config
from services.segment_api.lists.pour import CHUNK_ROWS
from tests.segment_api.lists_api import LINES, Limits, ListsApi, lists_api
from tests.segment_api.running import problem, until

PATH = "/v1/lists/vip/members"
MIB = 1024 * 1024


@asynccontextmanager
async def served(api: ListsApi) -> AsyncIterator[int]:
    """The port on which it listens."""
    server = StoppableServer(server_config(api.app, "127.0.0.1", 0))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started, 20)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await asyncio.wait_for(serving, 15)


async def chunks(count: int, chunk: bytes) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield chunk


async def test_a_long_body_is_never_held(clean_redis_url: str) -> None:
    lines = b"not an id \n" * 512
    async with lists_api(clean_redis_url) as api, served(api) as port, httpx.AsyncClient(timeout=30) as client:
        body = chunks(32, b"x" * MIB)
        await client.post(f"http://127.0.0.1:{port}{PATH}", content=b"warm-up", headers=LINES)
        tracemalloc.start()
        answer = await client.post(f"http://127.0.0.1:{port}{PATH}", content=body, headers=LINES)
        some = await client.post(f"http://127.0.0.1:{port}{PATH}", content=chunks(8, lines), headers=LINES)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert problem(answer)["errors"] == [{"line": 1, "error": "longer than 4096 bytes"}]
    assert problem(some)["rejected"] == 8 * 512
    assert most_bytes < 8 * MIB


async def test_an_answer_before_the_end_of_the_body_reaches_the_client(clean_redis_url: str) -> None:
    ids = b"".join(b"u-%d\n" % number for number in range(10_000))
    limits = Limits(max_lag=2 * CHUNK_ROWS, patience_s=0.1)
    async with lists_api(clean_redis_url, limits) as api, served(api) as port, httpx.AsyncClient(timeout=30) as client:
        url = f"http://127.0.0.1:{port}{PATH}"
        answer = await client.post(url, content=chunks(200, ids), headers=LINES)
        again = await client.get(f"http://127.0.0.1:{port}/v1/lists/vip")
    assert answer.status_code == 503
    assert problem(answer)["lines"] == 2 * CHUNK_ROWS
    assert again.json()["uploads"][0]["lines"] == 2 * CHUNK_ROWS


async def test_of_a_client_that_leaves_what_the_log_has_is_remembered(clean_redis_url: str) -> None:
    async with lists_api(clean_redis_url) as api, served(api) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {PATH}?upload=monday HTTP/1.1\r\nHost: api\r\nContent-Type: text/plain\r\nContent-Length: 999999"
        ids = b"".join(b"u-%d\n" % number for number in range(2 * CHUNK_ROWS + 10))
        writer.write(head.encode() + b"\r\n\r\n" + ids)
        await writer.drain()

        async def appended() -> bool:
            return len(await api.records()) == 2 * CHUNK_ROWS

        await until(appended, 20)
        writer.transport.abort()

        async def noted() -> bool:
            [upload] = (await api.client.get("/v1/lists/vip")).json()["uploads"]
            return bool(upload["lines"] == 2 * CHUNK_ROWS and not upload["ended"])

        await until(noted, 20)
        whole = await api.upload("vip", ids, upload="monday", skip=2 * CHUNK_ROWS)
        assert whole.json()["accepted"] == 10
        assert len(await api.entries()) == 2 * CHUNK_ROWS + 10
