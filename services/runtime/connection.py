"""A client's connection: what uvicorn leaves open about it.

Nobody has shown a key yet when a head arrives, so whatever of it is held is bounded, and so is how long it takes. What
the parser holds without passing it on, such as a line that does not end, counts as well.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from services.runtime.unread import LINGER_S

HEAD_BYTES = 64 * 1024
"""The most that a head may come to, with the trailers of its body."""
LINE_BYTES = 32
"""What a line counts beside its own bytes, as it takes memory, too (RFC 9113, section 6.5.2, counts the same)."""
HEAD_S = 10.0
"""So long a head may take from its first byte."""
UNTAKEN_S = 60.0
"""So long a client may leave untaken what is left of an answer, once its connection is to be closed."""

ARRIVED = "arrived_s"
"""Where in the state of a request it stands when its head was there."""
_ABORT = "abort"


def arrived_s(scope: Scope) -> float:
    """When the head of a request was there, of time.monotonic(); now, where the server does not tell."""
    told: float | None = scope.get("state", {}).get(ARRIVED)
    return time.monotonic() if told is None else told


def abort(scope: Scope) -> None:
    """End the connection of a request at once, with all that waits to be sent over it.

    To close it would wait until the client has taken that, which may be never.
    """
    known: Callable[[], None] | None = scope.get("state", {}).get(_ABORT)
    if known is not None:
        known()


class Connection(HttpToolsProtocol):
    """Notes when each request could begin: what it then waits for its turn is the server's time, too."""

    _told_bytes = 0
    _held_bytes = 0
    _is_in_head = False
    _is_refused = False
    _refusal = HTTPStatus.BAD_REQUEST
    _head_timer: asyncio.TimerHandle | None = None
    _arrived_s: float | None = None
    """When the next request to begin was there, where that was earlier."""

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return  # it is thrown away for a moment: see `unread`
        self._held_bytes += len(data)
        super().data_received(data)
        if self._held_bytes > HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._is_in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def on_message_begin(self) -> None:
        self._told_bytes = self._held_bytes = 0
        self._is_in_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + LINE_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._held_bytes = 0
        self._end_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._held_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuses what the parser could not go on with, or was not let go on with."""
        del msg  # a status is enough
        self._refuse(self._refusal)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(UNTAKEN_S, self.transport.abort)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: object) -> None:
        """A request that was sent ahead begins when the one before it has ended: it waits for nobody else."""
        state = cycle.scope["state"]
        state[ARRIVED], state[_ABORT] = self._arrived_s or time.monotonic(), self.transport.abort
        self._arrived_s = None
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _count(self, size_bytes: int) -> None:
        """What is raised here ends the parsing."""
        self._held_bytes = 0
        self._told_bytes += size_bytes
        if self._told_bytes > HEAD_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the head is too large")

    def _end_head(self) -> None:
        self._is_in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        """While an answer is on its way, nothing further is read: that is not the client's doing."""
        self._head_timer = None
        if self._is_answering:
            self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's None is untold
        return cycle is not None and not cycle.response_complete

    def _refuse(self, status: HTTPStatus) -> None:
        """An answer on its way cannot be followed by another that overtakes it, so the connection just ends."""
        self._end_head()
        if self._is_answering:
            self.transport.abort()
        elif not self._is_refused and not self.transport.is_closing():
            self._is_refused = True
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.abort)
