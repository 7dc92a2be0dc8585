"""An HTTP server on one event loop, of which a test has all the strings in its hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

KNOWN = b'{"known":true,"segments":[],"degraded":false}'
CLOSE, NOTHING = b"close", b"nothing"
"""In place of an answer: the connection ends in the middle of it; none comes."""

Answer = Callable[[str], tuple[int, bytes]]


class ToyServer:
    """`answer` is given each request's line."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.lines: list[str] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while line := await reader.readline():
                await self._body(reader)
                self.lines.append(line.decode().strip())
                status, body = self.answer(self.lines[-1])
                if body == NOTHING:
                    continue
                if body == CLOSE:
                    writer.write(b"HTTP/1.1 200")
                    break
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """End all connections, as a server does with those that idle."""
        for writer in list(self.writers):
            writer.close()

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        length = 0
        while (header := await reader.readline()) not in {b"\r\n", b""}:
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return await reader.readexactly(length)


def known(_: str) -> tuple[int, bytes]:
    return 200, KNOWN


@asynccontextmanager
async def toy_server(answer: Answer = known, port: int = 0) -> AsyncIterator[ToyServer]:
    """On a free port, if none is told."""
    toy = ToyServer(answer)
    server = await asyncio.start_server(toy.serve, "127.0.0.1", port)
    toy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield toy
    finally:
        server.close()
        toy.hang_up()
