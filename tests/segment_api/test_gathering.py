"""When those who have arrived are let in: few at the end of a turn, a crowd in its midst."""

import asyncio

from services.segment_api.express.gathering import CROWD, EBB, PIECE, Gathering


class Turns:
    """Turns of the event loop in which some arrive; tells how many were let in before each one's end."""

    def __init__(self) -> None:
        self._waiting = self._let_in = 0
        self._gathering = Gathering(self._enter, lambda: None)

    def _enter(self) -> None:
        self._let_in += self._waiting
        self._waiting = 0

    async def early(self, arriving: int) -> int:
        self._let_in = 0
        for _ in range(arriving):
            self._waiting += 1
            self._gathering.arrived(0.0)
        early = self._let_in
        await asyncio.sleep(0)
        assert self._let_in == arriving
        return early


async def test_few_wait_for_the_end_of_their_turn_once_that_is_known_to_be_enough() -> None:
    turns = Turns()
    assert await turns.early(EBB) == EBB // PIECE * PIECE
    assert [await turns.early(few) for few in (EBB, CROWD - 1, PIECE, EBB)] == [0] * 4


async def test_a_crowd_is_let_in_by_pieces_and_the_turns_after_it_from_their_beginning() -> None:
    turns = Turns()
    await turns.early(1)
    assert await turns.early(CROWD + PIECE) == CROWD + PIECE
    assert await turns.early(EBB + 1) == EBB
    assert await turns.early(PIECE) == PIECE
    assert await turns.early(EBB) == 0
