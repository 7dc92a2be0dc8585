"""The answer to a lookup of many users: how much of it there may be, and how it is sent.

Each user's part is written as soon as it is known. As long as a client has not taken the answer, its users count as
under way, so that slow clients cannot fill the memory.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus

from fastapi import Response
from starlette.types import Receive, Scope, Send

from services.runtime.connection import abort
from services.runtime.metrics import ApiMetrics
from services.runtime.problems import ProblemError
from services.segment_api.lookups.written import Written

MAX_ANSWER_BYTES = 32 * 1024 * 1024
STALLED_S = 60.0


class Parts:
    """Counts the answers for single users, and their bytes."""

    def __init__(self, metrics: ApiMetrics) -> None:
        self._metrics = metrics
        self._size_bytes = 0

    def add(self, part: Written) -> bytes:
        """Raises ProblemError (422) where they come to more than may be sent."""
        self._metrics.lookups[part.outcome] += 1
        self._size_bytes += len(part.body)
        _refuse_large(self._size_bytes)
        return part.body


def whole(parts: Sequence[bytes]) -> bytes:
    """The answer as a whole. Raises ProblemError (422) where it is too large: users may be asked for repeatedly."""
    _refuse_large(sum(map(len, parts)))
    return b'{"results":[%b]}' % b",".join(parts)


class HeldResponse(Response):
    """Gives back what it `holds` once it is sent, which is when the client has taken most of it."""

    def __init__(self, holds: ExitStack, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(body, headers=headers, media_type="application/json")
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive  # the answer does not depend on it
        with self._holds:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async with asyncio.timeout(STALLED_S):
                    await send({"type": "http.response.body", "body": self.body, "more_body": True})
                    await send({"type": "http.response.body", "body": b""})  # waits until there is room for more
            except TimeoutError:
                abort(scope)


def _refuse_large(size_bytes: int) -> None:
    if size_bytes > MAX_ANSWER_BYTES:
        detail = f"the answer would be larger than {MAX_ANSWER_BYTES} bytes: ask for fewer users, or with fields=ids"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
