"""One keep-alive connection that carries one HTTP/1.1 request at a time."""

import asyncio
from typing import Protocol, cast

from httptools import HttpParserError, HttpResponseParser


class Owner(Protocol):
    """Whoever lends connections out."""

    def answered(self, connection: "Connection", status: int, body: bytes) -> None: ...
    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._parser = HttpResponseParser(self)
        self._body: list[bytes] = []
        self.answers = 0
        self.is_untouched = True
        """Whether nothing of the answer to the latest request has come."""
        self.is_closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none, but does the same

    def ask(self, request: bytes) -> None:
        self.is_untouched = True
        self._transport.write(request)

    def abort(self) -> None:
        self.is_closing = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self.is_untouched = False
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self.abort()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status, body = self._parser.get_status_code(), b"".join(self._body)
        self._body.clear()
        self.answers += 1
        if not self._parser.should_keep_alive():
            self.is_closing = True
            self._transport.close()
        self._owner.answered(self, status, body)

    def connection_lost(self, _: Exception | None) -> None:
        self.is_closing = True
        self._owner.lost(self)
