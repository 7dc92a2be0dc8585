"""One connection to a Redis server, over which reads go out as they come and replies come back in their order.

redis-py takes a connection for each command and 0.1 ms of processor time to wait for its reply. Here any number of
reads are under way over one connection, those of a turn of the event loop leave in one piece, and a reply costs what
it takes to parse it. redis-py still makes the connection, so all that a URL can say of it holds here as well.

Whoever is told a reply may make more be heard before the rest of the same piece is told. Order holds all the same:
there is one parser, and one queue of readers, and both only ever go forward.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import hiredis
from redis.asyncio.connection import AbstractConnection

from services.runtime.redis_client import REDIS_ERRORS

_NO_REPLY = object()
_PIECE_BYTES = 64 * 1024
Read_contra = TypeVar("Read_contra", contravariant=True)


class Reader(Protocol[Read_contra]):
    """Who reads is told exactly once, and must not raise."""

    def told(self, value: Read_contra) -> None:
        """What is stored: the value of a key, or the values of several in their order."""

    def refused(self, error: str) -> None:
        """What the server answered instead."""

    def missed(self) -> None:
        """There will be no answer: the server is away."""


class Link(asyncio.Protocol):
    """Connects when it is first asked, and again when it is asked after the connection was lost.

    Where a server owes replies for `timeout_s` and sends none, the connection counts as lost. All that waits for it is
    then missed, and `lost` is told.
    """

    def __init__(
        self, make_connection: Callable[[], AbstractConnection], timeout_s: float, lost: Callable[[], None]
    ) -> None:
        self._make_connection, self._timeout_s, self._lost = make_connection, timeout_s, lost
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.Transport | None = None
        self._file: int | None = None
        """The connection's, once more, as the transport's own may be another's as soon as that is closed. None over
        TLS, where what arrives is no reply yet."""
        self._connecting: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._readers: deque[Reader[Any]] = deque()
        self._unsent: list[bytes] = []
        self._replies = hiredis.Reader(notEnoughData=_NO_REPLY)
        self._heard_s = 0.0
        self._is_closed = False
        self._watch: asyncio.TimerHandle | None = None

    def ask(self, name: bytes, reader: Reader[bytes | None]) -> None:
        """Read a key. It leaves with the next `flush`."""
        self._unsent.append(b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(name), name))
        self._readers.append(reader)

    def ask_together(self, names: Sequence[bytes], reader: Reader[list[bytes | None]]) -> None:
        """Read keys of one slot as they are at one moment: no write comes between. It leaves with the next `flush`."""
        words = [b"MGET", *names]
        self._unsent.append(b"*%d\r\n%b" % (len(words), b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)))
        self._readers.append(reader)

    def flush(self) -> None:
        if self._transport is None:
            self._begin_to_connect()
        elif self._unsent:
            self._expect_replies()
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def hear(self) -> None:
        """Take in the replies that are there already, in the midst of a turn of the event loop."""
        if self._file is None or not self._readers:
            return
        try:
            data = os.read(self._file, _PIECE_BYTES)
        except OSError:  # nothing is there, or an end that the transport will find as well
            return
        if data:
            self.data_received(data)

    async def connect(self) -> None:
        """Raises REDIS_ERRORS."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
        connection = self._connection = self._make_connection()
        await connection.connect()  # type: ignore[no-untyped-call]
        writer = connection._writer  # redis-py has no other way to its transport
        assert writer is not None
        self._replies = hiredis.Reader(notEnoughData=_NO_REPLY)
        self._transport = cast("asyncio.Transport", writer.transport)
        self._transport.set_protocol(self)
        if self._transport.get_extra_info("sslcontext") is None:
            self._file = os.dup(self._transport.get_extra_info("socket").fileno())
        self.flush()

    async def close(self) -> None:
        self._is_closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
        self._end()

    def data_received(self, data: bytes) -> None:
        replies, readers = self._replies, self._readers
        self._heard_s = self._loop.time()
        replies.feed(data)
        while (reply := replies.gets()) is not _NO_REPLY:
            if isinstance(reply, hiredis.PushNotification):
                continue
            reader = readers.popleft()
            if isinstance(reply, hiredis.ReplyError):
                reader.refused(str(reply))
            else:
                reader.told(reply)

    def connection_lost(self, _: Exception | None) -> None:
        self._end()

    def _begin_to_connect(self) -> None:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._try_to_connect())

    async def _try_to_connect(self) -> None:
        try:
            await self.connect()
        except REDIS_ERRORS:
            self._end()

    def _end(self) -> None:
        self._transport = None
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._unsent.clear()
        readers, self._readers = self._readers, deque()
        for reader in readers:
            reader.missed()
        if not self._is_closed:
            self._lost()

    def _expect_replies(self) -> None:
        if len(self._readers) == len(self._unsent):
            self._heard_s = self._loop.time()  # nothing was owed until now
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._look)

    def _look(self) -> None:
        """One timer for all that waits; it is set anew only while there is something."""
        self._watch = None
        if not self._readers or self._transport is None:
            return
        left_s = self._heard_s + self._timeout_s - self._loop.time()
        if left_s <= 0:
            self._transport.abort()
        else:
            self._watch = self._loop.call_later(left_s, self._look)
