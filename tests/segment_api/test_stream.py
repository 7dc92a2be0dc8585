"""A streamed answer goes as fast as its client takes it, and ends with it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from services.segment_api.export import stream
from services.segment_api.export.stream import Stream
from services.segment_api.turns import Turns


class TestTheStream:
    async def test_it_ends_when_the_client_goes_away(self) -> None:
        made: list[int] = []
        turns = Turns("exports", 1, 1)
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body") == b"2":
                gone.set()
                await asyncio.sleep(0.01)

        await Stream(_numbers(made), "text/plain", turns)({}, receive, send)
        assert made == [0, 1, 2]
        with turns.one():
            pass

    async def test_it_ends_when_the_client_takes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[int] = []
        turns = Turns("exports", 1, 1)
        monkeypatch.setattr(stream, "STALLED_S", 0.05)

        async def send(message: Message) -> None:
            if message.get("body") == b"3":
                await asyncio.Event().wait()

        await asyncio.wait_for(Stream(_numbers(made), "text/plain", turns)({}, _nothing, send), timeout=5)
        assert made == [0, 1, 2, 3]
        with turns.one():
            pass

    async def test_nothing_is_made_before_the_client_has_taken_what_was(self) -> None:
        made: list[int] = []
        offered, taken = asyncio.Event(), asyncio.Event()

        async def send(message: Message) -> None:
            if message.get("body") == b"1":
                offered.set()
                await taken.wait()

        answer = Stream(_numbers(made), "text/plain", Turns("exports", 1, 1))
        task = asyncio.ensure_future(answer({}, _nothing, send))
        await asyncio.wait_for(offered.wait(), timeout=10)
        for _ in range(50):  # turns of the loop, in which more could be made
            await asyncio.sleep(0)
        assert made == [0, 1]
        taken.set()
        await asyncio.wait_for(task, timeout=10)
        assert len(made) == 1_000


async def _numbers(made: list[int]) -> AsyncIterator[bytes]:
    for number in range(1_000):
        made.append(number)
        yield str(number).encode()
        await asyncio.sleep(0)


async def _nothing() -> Message:
    await asyncio.Event().wait()
    raise AssertionError
