"""When those who have arrived are let in: together at the end of the turn of the event loop that read them, and in
pieces in its midst where they are many.

A turn reads all connections on which something is there, be it one or a thousand. If all of those waited for its end,
and then for one another's replies, the first would be late before the last was read. In pieces each waits for a few
others, and the rest wait in the kernel, which costs nothing; Redis works on one piece while the next is read.
"""

import asyncio
from collections.abc import Callable

PIECE = 16
"""So many need not wait for the end of the turn: they share what a write to Redis takes, and are few to wait for."""
CROWD, EBB = 96, 64
"""Where fewer come in a turn, all wait for its end: one write to Redis and one read for all is a sixth less work than
in pieces, and soon enough. From the first number on there are pieces, and in the next turns from their beginning,
until one has no more than the second.
"""
LONGEST_TURN_S = 0.05
"""After so long those who arrive do wait for its end. libuv goes on reading as long as it finds a thousand connections
at a time, which those who are answered soon are again; and all else on the thread waits meanwhile."""


class Gathering:
    """`let_in` is called for all who have arrived since it was called last; before that, in the midst of a turn,
    `hear` for the replies that have come during it."""

    def __init__(self, let_in: Callable[[], None], hear: Callable[[], None]) -> None:
        self._let_in, self._hear = let_in, hear
        self._loop = asyncio.get_running_loop()
        self._arrived = self._arrived_in_turn = 0
        self._is_crowded = True  # as long as nothing is known, one large turn is the worse mistake
        self._began_s: float | None = None
        """When the first of this turn came, as far as known."""
        self._has_turn = self._is_busy = False

    def arrived(self, now_s: float) -> None:
        """One more is there, at a moment of time.monotonic()."""
        if self._began_s is None:
            self._began_s = now_s
            self.take_turn()
        self._arrived += 1
        self._arrived_in_turn += 1
        is_crowded = self._is_crowded or self._arrived_in_turn >= CROWD
        if is_crowded and self._arrived >= PIECE and not self._is_busy and now_s - self._began_s <= LONGEST_TURN_S:
            self._piece()

    def take_turn(self) -> None:
        """Have those let in who wait, at the end of the turn."""
        if not self._has_turn:
            self._has_turn = True
            self._loop.call_soon(self._end_turn)

    def _piece(self) -> None:
        self._is_busy, self._arrived = True, 0
        try:
            self._hear()
            self._let_in()
        finally:
            self._is_busy = False

    def _end_turn(self) -> None:
        self._began_s, self._has_turn, self._arrived = None, False, 0
        self._is_crowded = self._arrived_in_turn > (EBB if self._is_crowded else CROWD)
        self._arrived_in_turn = 0
        self._let_in()
