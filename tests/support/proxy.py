"""A TCP proxy on loopback that fails as networks do: late, silent, broken off, or all at once leading elsewhere."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE_S = 10.0
_Line = asyncio.Queue[tuple[float, bytes] | None]
"""What is on its way: when it arrives, and None at the end."""


class Broken(Exception):
    """The connection breaks, after `before` has arrived."""

    def __init__(self, before: bytes = b"") -> None:
        super().__init__()
        self.before = before


class Wire:
    """What becomes of the bytes of one connection. This one leaves them as they are; others may raise Broken."""

    def to_server(self, data: bytes) -> bytes:
        return data

    def to_client(self, data: bytes) -> bytes:
        return data


class Proxy:
    """Hands connections on to the server at `target`, a port of loopback, as long as its `with` block lasts.

    Everything may be called and set from any thread. `wire` makes a Wire for each connection.
    """

    def __init__(self, target: int, wire: Callable[[], Wire] = Wire) -> None:
        self.target, self.wire = target, wire
        self.delay_s = 0.0
        """How long everything is under way, in either direction."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    def __enter__(self) -> "Proxy":
        self._flowing.set()
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def stall(self) -> None:
        """Take connections and bytes, and hand nothing on."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def resume(self) -> None:
        """Hand on what has waited, and go on."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> None:
        """Break all connections off; what is still under way is lost."""
        self._call(self._cut())

    def retarget(self, target: int) -> None:
        """Lead to another port from now on, as an address that moves to another machine."""
        self.target = target
        self.cut()

    async def _cut(self) -> None:
        serving = list(self._serving)
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._flowing.wait()
            await self._connect(client, to_client)
        except (OSError, asyncio.CancelledError):
            to_client.transport.abort()
        finally:
            to_client.close()
            self._serving.discard(task)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        wire, there, back = self.wire(), _Line(), _Line()
        ways = [self._take(client, wire.to_server, there), self._take(server, wire.to_client, back)]
        ends = [self._hand_on(there, to_server), self._hand_on(back, to_client)]
        try:
            await _until_any_ends(ends, meanwhile=ways)
        except asyncio.CancelledError:
            to_server.transport.abort()
            raise
        finally:
            to_server.close()

    async def _take(self, reader: asyncio.StreamReader, change: Callable[[bytes], bytes], line: _Line) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                try:
                    line.put_nowait((self._loop.time() + self.delay_s, change(data)))
                except Broken as broken:
                    line.put_nowait((self._loop.time() + self.delay_s, broken.before))
                    break
        line.put_nowait(None)

    async def _hand_on(self, line: _Line, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while under_way := await line.get():
                due_s, data = under_way
                await asyncio.sleep(due_s - self._loop.time())
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)


async def _until_any_ends(ends: list[Coroutine[Any, Any, None]], meanwhile: list[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.create_task(each) for each in (*ends, *meanwhile)]
    try:
        await asyncio.wait(tasks[: len(ends)], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
