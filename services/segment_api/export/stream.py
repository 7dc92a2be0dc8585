"""An answer of unknown length that is made while it is sent."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Response
from starlette.types import Receive, Scope, Send

from services.runtime.connection import abort
from services.segment_api.turns import Turns

STALLED_S = 60.0


class Stream(Response):
    """Sends the pieces one after the other, each made when the client has taken enough of those before.

    It ends when the client goes away, and when it takes nothing for `STALLED_S` seconds. Raises ProblemError, before
    anything is sent, where no turn is free.
    """

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str, turns: Turns) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._pieces, self._turns = pieces, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._turns.one():
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            leaving = asyncio.create_task(_gone(receive))
            try:
                await self._send(scope, send, leaving)
            finally:
                leaving.cancel()

    async def _send(self, scope: Scope, send: Send, leaving: asyncio.Task[None]) -> None:
        async for piece in self._pieces:
            try:
                async with asyncio.timeout(STALLED_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                abort(scope)
                return
            if leaving.done():
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
