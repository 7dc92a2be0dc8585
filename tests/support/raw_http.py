"""An ASGI app behind a port of this process, without uvicorn's start and stop, and bytes sent to it as they are."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.types import ASGIApp
from uvicorn.server import ServerState

from services.runtime.express import Express
from services.runtime.http import server_config

DATE = (b"date", b"Fri, 22 Nov 2024 01:46:40 GMT")
SILENCE_S = 5.0


@asynccontextmanager
async def listening(app: ASGIApp, express: Express | None = None) -> AsyncIterator[int]:
    """The port; connections that are left are ended."""
    config = server_config(app, "127.0.0.1", 0, express)
    config.load()
    state = ServerState()
    state.default_headers = [DATE]
    loop = asyncio.get_running_loop()
    make = config.http_protocol_class
    server = await loop.create_server(lambda: make(config, state, {}), "127.0.0.1", 0)  # type: ignore[call-arg]
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)


async def exchange(port: int, *pieces: bytes, answers: int = 1) -> list[bytes]:
    """The answers to what is sent over one connection, piece by piece: so many, or those before it ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found: list[bytes] = []
    try:
        async with asyncio.timeout(SILENCE_S):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.001 if len(pieces) > 1 else 0)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while len(found) < answers:
                    found.append(await _answer(reader))
    finally:
        writer.transport.abort()
    return found


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)
