"""Answers that come at once, while the request is still being taken, and requests that are handed over at the end."""

import asyncio

from services.runtime.express import Caller, ExpressConnection
from tests.runtime.expresses import BODY, PLAIN, Kept, Routed
from tests.support.raw_http import exchange, listening


class AtOnce(Kept):
    """Answers before it says that it will."""

    def takes(self, line: bytes, caller: Caller) -> bool:
        if not super().takes(line, caller):
            return False
        caller.answer(BODY % (1, b"u"))
        return True


class HandsOverAtOnce(Kept):
    def takes(self, line: bytes, caller: Caller) -> bool:
        taken = super().takes(line, caller)
        caller.hand_over(12.5)
        return taken


async def test_an_answer_that_comes_at_once_is_one() -> None:
    async with listening(Routed(), AtOnce()) as port:
        answers = await exchange(port, PLAIN % b"u", PLAIN % b"u", answers=2)
    assert [answer[-5:] for answer in answers] == [b"\r\n\r\nu"] * 2


async def test_a_request_that_is_handed_over_at_once_is_routed() -> None:
    routed = Routed()
    async with listening(routed, HandsOverAtOnce()) as port:
        (answer,) = await exchange(port, PLAIN % b"u")
    assert answer.endswith(b"/v1/users/u/segments")
    assert routed.arrived_s == [12.5]


async def test_what_is_handed_over_after_a_stop_is_the_last_answer_and_says_so() -> None:
    express = Kept()
    async with listening(Routed(), express) as port:
        asking = asyncio.create_task(exchange(port, PLAIN % b"u", answers=2))
        _, caller = await express.asked()
        assert isinstance(caller, ExpressConnection)
        caller.shutdown()
        caller.hand_over(12.5)
        began_s = asyncio.get_running_loop().time()
        (answer,) = await asking
        assert asyncio.get_running_loop().time() - began_s < 2
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"/v1/users/u/segments")
