"""A fixed number of connections to one server, and the requests that wait for one of them.

A request ends exactly once: answered, refused (no connection could be made), lost (the connection ended) or timed out.
What it waited for a connection is part of its time. Connections are used in turn, so that none idles for long.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadtests.load.generator.connection import Connection
from loadtests.load.measured import outcomes

SWEEP_S = 0.05


@dataclass(slots=True, eq=False)
class Asked:
    """A request under way. `ended(status, body)`; a status of 0 is none, and the body names the outcome then."""

    request: bytes
    due_s: float
    ended: Callable[[int, bytes], None]


class Pool:
    def __init__(self, url: str, size: int, timeout_s: float, key: str | None) -> None:
        """`url` is http:// or https://, with a path in front of all paths if there is one."""
        parts = urlsplit(url)
        self._host, self._size, self._timeout_s = parts.hostname or "", size, timeout_s
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        self._head = f" HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n{authorization}"
        self._idle: deque[Connection] = deque()
        self._busy: dict[Connection, Asked] = {}
        self._waiting: deque[Asked] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeper = asyncio.create_task(self._sweep())
        self.most_waiting = 0
        """The most requests that ever waited for a connection."""

    def ask(self, path: str, body: bytes, due_s: float, ended: Callable[[int, bytes], None]) -> None:
        """POST where there is a body, else GET. `due_s` is of time.monotonic()."""
        self._waiting.append(Asked(self._written(path, body), due_s, ended))
        self._go_on()
        self.most_waiting = max(self.most_waiting, len(self._waiting))

    async def open(self) -> None:
        """Have all connections before the first request; those that cannot be made are tried again with it."""
        self._open(self._size)
        await asyncio.gather(*self._opening)

    @property
    def under_way(self) -> int:
        return len(self._busy) + len(self._waiting)

    def close(self) -> None:
        """Requests under way end as timed out."""
        self._sweeper.cancel()
        for task in self._opening:
            task.cancel()
        self._time_out(float("inf"))
        for connection in list(self._idle):
            connection.abort()

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        asked = self._busy.pop(connection, None)
        if not connection.is_closing:
            self._idle.append(connection)
        if asked is not None:
            asked.ended(status, body)
        self._go_on()

    def lost(self, connection: Connection) -> None:
        asked = self._busy.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)
        if asked is None:
            return
        if connection.answers and connection.is_untouched:
            # The server closed a connection that it thought idle: to ask again is for the client (RFC 9112, 9.3.1).
            # It ends, because a connection that has not answered anything yet is asked once.
            self._waiting.appendleft(asked)
        else:
            asked.ended(0, outcomes.LOST.encode())
        self._go_on()

    def _written(self, path: str, body: bytes) -> bytes:
        if not body:
            return f"GET {self._prefix}{path}{self._head}\r\n".encode()
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"POST {self._prefix}{path}{self._head}{length}\r\n".encode() + body

    def _go_on(self) -> None:
        while self._waiting and self._idle:
            connection, asked = self._idle.popleft(), self._waiting.popleft()
            self._busy[connection] = asked
            connection.ask(asked.request)
        self._open(len(self._waiting))

    def _open(self, wanted: int) -> None:
        there = len(self._idle) + len(self._busy) + len(self._opening)
        for _ in range(min(wanted - len(self._opening), self._size - there)):
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(lambda: Connection(self), self._host, self._port, ssl=self._tls)
        try:
            async with asyncio.timeout(self._timeout_s):
                _, connection = await connecting
        except (OSError, TimeoutError):
            if self._waiting:
                self._waiting.popleft().ended(0, outcomes.REFUSED.encode())
        else:
            self._idle.append(connection)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._go_on()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._time_out(time.monotonic() - self._timeout_s)

    def _time_out(self, due_before_s: float) -> None:
        while self._waiting and self._waiting[0].due_s < due_before_s:
            self._waiting.popleft().ended(0, outcomes.TIMEOUT.encode())
        for connection, asked in list(self._busy.items()):
            if asked.due_s < due_before_s:
                del self._busy[connection]
                connection.abort()
                asked.ended(0, outcomes.TIMEOUT.encode())
