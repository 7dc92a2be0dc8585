"""The timer of a connection at rest, when it comes while the express has a request of that connection under way."""

import asyncio

import pytest

from services.runtime.express import ExpressConnection
from tests.runtime.expresses import BODY, PLAIN, Kept, Routed
from tests.support.raw_http import listening

AT_REST_S = 0.4


async def test_the_timer_of_one_answer_leaves_the_next_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is asked before the connection has rested too long, and answered after it would have."""
    begin = ExpressConnection.connection_made

    def rest_shortly(self: ExpressConnection, transport: asyncio.Transport) -> None:
        self.timeout_keep_alive = AT_REST_S  # type: ignore[assignment]
        begin(self, transport)

    monkeypatch.setattr(ExpressConnection, "connection_made", rest_shortly)
    express = Kept()
    async with listening(Routed(), express) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PLAIN % b"1")
        await express.answer()
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n1"), 5)
        writer.write(PLAIN % b"2")
        _, caller = await express.asked()
        await asyncio.sleep(AT_REST_S * 1.25)
        caller.answer(BODY % (1, b"2"))
        answer = await asyncio.wait_for(reader.read(1_000), 5)
        writer.close()
    assert answer.endswith(b"\r\n\r\n2")
