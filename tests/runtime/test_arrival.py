"""A request's time begins when its head is there, not when its turn comes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from starlette.types import Receive, Scope, Send

from services.runtime.connection import arrived_s
from services.runtime.http import StoppableServer, server_config
from tests.support.ports import free_ports

BUSY_S = 0.2


class Waits:
    """Keeps the thread busy for its first request, and notes how long each has waited for its turn."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.waited_s.append(time.monotonic() - arrived_s(scope))
        if len(self.waited_s) == 1:
            time.sleep(BUSY_S)  # noqa: ASYNC251 - nobody else shall have a turn
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def served(app: Waits) -> AsyncIterator[int]:
    (port,) = free_ports(0)
    server = StoppableServer(server_config(app, "127.0.0.1", port))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


def test_what_a_request_waits_for_its_turn_counts() -> None:
    async def ask() -> list[float]:
        app = Waits()
        async with served(app) as port:
            connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
            for _, writer in connections:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.gather(*(reader.readline() for reader, _ in connections))
            for _, writer in connections:
                writer.close()
        return app.waited_s

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        waited_s = runner.run(ask())
    assert len(waited_s) == 8
    assert waited_s[0] < BUSY_S / 2
    assert max(waited_s) > BUSY_S * 0.9


def test_without_such_a_server_a_request_begins_when_it_is_asked_about() -> None:
    before_s = time.monotonic()
    assert before_s <= arrived_s({"type": "http"}) <= time.monotonic()
