"""How to refuse a request whose body is not read to its end, so that the client learns why.

To close a connection on which bytes are still arriving resets it, and the reset can overtake the answer. So the
answer goes out at once, what arrives after it is thrown away for a moment, and then the connection is closed: it
cannot carry another request (RFC 9112, section 9.6).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.runtime.problems import ProblemError

LINGER_S = 1.0


class UnreadBody(ProblemError):
    """The request is refused while its body is, at least in part, unread."""

    def response(self) -> Response:
        whole = super().response()
        return LingeringResponse(whole.body, whole.status_code, {**whole.headers, "Connection": "close"})


def refused(scope: Scope, status: HTTPStatus, detail: str, headers: Mapping[str, str]) -> Response:
    """The answer to a request of which nothing but its head was looked at."""
    brings_a_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
    problem = UnreadBody if brings_a_body else ProblemError
    return problem(status, detail, headers=headers).response()


class LingeringResponse(Response):
    """Ends once the client stops sending, or LINGER_S seconds later."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope  # the answer does not depend on it
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await _discard(receive)
        await send({"type": "http.response.body"})


async def _discard(receive: Receive) -> None:
    while True:
        message = await receive()
        if not message.get("more_body", False):
            return
