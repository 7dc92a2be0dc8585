"""What is asked of the place where dead letters lie. There is one for each event log, and both keep the same law:

A letter is left until it is settled, which is after its bytes are back in the event log. Whoever dies in between leaves
a letter that is replayed once more, and what it tells of counts once all the same, by its event id.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.runtime.event_log.port import DeadLetter


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter where it lies. A worker that was killed may have put aside the same record twice."""

    place: str
    """Names it among all that the box ever held."""
    put_aside_ms: int
    """When that was, by the log's clock, in milliseconds since 1970."""
    content: DeadLetter


class LetterBox(Protocol):
    def left(self) -> AsyncGenerator[Letter, None]:
        """The letters that are not settled, oldest first, up to the last one that is there at the beginning.

        Raises LogUnavailable and REDIS_ERRORS.
        """
        ...

    async def settle(self, letters: Sequence[Letter]) -> None:
        """Leave these out from now on. Raises LogUnavailable and REDIS_ERRORS."""
        ...

    async def close(self) -> None: ...
