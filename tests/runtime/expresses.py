"""An express that answers when it is told to, and what is behind it."""

import asyncio

from starlette.types import Receive, Scope, Send

from services.runtime.connection import arrived_s
from services.runtime.express import Caller

BODY = b"content-length: %d\r\n\r\n%b"
PLAIN = b"GET /v1/users/%b/segments HTTP/1.1\r\nhost: x\r\n\r\n"


class Kept:
    """Answers when it is told to; takes what begins with /v1/users."""

    route = "/v1/users/{user_id}/segments"

    def __init__(self) -> None:
        self.callers: list[tuple[bytes, Caller]] = []
        self.is_asked = asyncio.Event()

    def takes(self, line: bytes, caller: Caller) -> bool:
        if not line.startswith(b"GET /v1/users/"):
            return False
        self.callers.append((line.split(b"/")[3], caller))
        self.is_asked.set()
        return True

    async def asked(self) -> tuple[bytes, Caller]:
        async with asyncio.timeout(5):
            await self.is_asked.wait()
        self.is_asked.clear()
        return self.callers[-1]

    async def answer(self) -> None:
        name, caller = await self.asked()
        caller.answer(BODY % (len(name), name))


class Routed:
    """Tells the path, and when the request arrived."""

    def __init__(self) -> None:
        self.arrived_s: list[float] = []

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.arrived_s.append(arrived_s(scope))
        path = scope["path"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(path))]})
        await send({"type": "http.response.body", "body": path})
