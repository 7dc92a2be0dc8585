"""A real HTTP receiver on loopback that keeps what it was sent, and answers as a test wants it to."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the specification's own example


@dataclass(frozen=True)
class Received:
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def changes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = orjson.loads(self.body)["changes"]
        return found


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    body: bytes = b""
    promised_bytes: int | None = None
    """The Content-Length, where it is not the body's own."""
    pause_s: float = 0
    """After each byte of the head."""
    body_pause_s: float = 0
    """After each byte of the body."""
    hangs_up: bool = False
    """Close the connection without an answer."""


class Receiver:
    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.reply: Callable[[Received], Reply] = lambda _received: Reply()

    def changes_by_user(self) -> dict[str, list[int]]:
        """The numbers of the changes it has accepted, in the order they came."""
        found: dict[str, list[int]] = defaultdict(list)
        for request in self.accepted:
            for change in request.changes:
                found[change["user_id"]].append(change["number"])
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
        received = Received(headers, await reader.readexactly(int(headers["content-length"])))
        self.received.append(received)
        reply = self.reply(received)
        await asyncio.sleep(reply.delay_s)
        if reply.hangs_up:
            return False
        if 200 <= reply.status < 300:
            self.accepted.append(received)
        await _write(writer, _head(reply), reply.pause_s)
        await _write(writer, reply.body, reply.body_pause_s)
        return True


async def _write(writer: asyncio.StreamWriter, data: bytes, pause_s: float) -> None:
    for piece in [data] if not pause_s else [bytes([byte]) for byte in data]:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)


def _head(reply: Reply) -> bytes:
    size = len(reply.body) if reply.promised_bytes is None else reply.promised_bytes
    headers = {"Content-Length": str(size), **reply.headers}
    return "\r\n".join([f"HTTP/1.1 {reply.status} x", *map(": ".join, headers.items()), "", ""]).encode()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
