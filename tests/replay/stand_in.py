"""A collector to send to: a real HTTP server on loopback that takes every event, or answers what a test tells it to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Reply:
    """One scripted answer; its events are not taken."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class StandIn:
    """Answers with `script` while there is any, then accepts. `batches` are the accepted bodies as they came."""

    url: str = ""
    script: list[Reply] = field(default_factory=list)
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    status: Any = None
    largest: int = 500
    requests: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._answer(scope["path"], await _body(receive))
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(reply.body)})

    async def _answer(self, path: str, body: bytes) -> Reply:
        if path == "/v1/status":
            return Reply(200, self.status)
        if path != "/v1/events":
            return Reply(404, {"title": "Not Found"})
        self.requests += 1
        if self.script:
            return self.script.pop(0)
        events = orjson.loads(body)
        if len(events) > self.largest:
            return Reply(413, {"title": "Too Large"})
        self.batches.append(events)
        return Reply(202, {"accepted": len(events), "rejected": []})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


@asynccontextmanager
async def collector(sock: socket.socket | None = None) -> AsyncIterator[StandIn]:
    """Serve a stand-in until the context ends, on `sock` or on a port that is free."""
    sock = sock or bound_socket()
    sock.listen()  # from here on connections wait until the server takes them
    stand_in = StandIn(url=address(sock))
    server = uvicorn.Server(uvicorn.Config(stand_in, lifespan="off", log_level="error", ws="none"))
    task = asyncio.create_task(server.serve([sock]))
    try:
        yield stand_in
    finally:
        server.should_exit = True
        await task


def bound_socket() -> socket.socket:
    """A socket with a free port of its own that does not listen yet: connecting to it is refused."""
    # Named, so that asyncio turns Nagle's algorithm off: without it every small answer waits 40 ms.
    sock = socket.socket(proto=socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    return sock


def address(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"
