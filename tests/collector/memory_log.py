"""A log in memory, to ask what the collector appended and to take the log away from it."""

import asyncio
from collections.abc import Sequence
from enum import Enum

from services.runtime.event_log.port import DeadLetter, LogUnavailable, Message


class Mood(Enum):
    WORKS = "works"
    UNAVAILABLE = "unavailable"
    SILENT = "answers only once it is released"


class MemoryLog:
    """A LogWriter and LogOffsets that behaves as `mood` says."""

    def __init__(self) -> None:
        self.mood = Mood.WORKS
        self.released = asyncio.Event()
        self.messages: list[Message] = []
        self.letters: list[DeadLetter] = []

    async def append(self, messages: Sequence[Message]) -> None:
        await self._behave()
        self.messages.extend(messages)

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        await self._behave()
        self.letters.extend(letters)

    async def begins(self) -> dict[int, int]:
        raise NotImplementedError("the collector does not ask")

    async def ends(self) -> dict[int, int]:
        await self._behave()
        return {}

    async def close(self) -> None:
        return

    async def _behave(self) -> None:
        if self.mood is Mood.UNAVAILABLE:
            raise LogUnavailable("taken away by the test")
        if self.mood is Mood.SILENT:
            await self.released.wait()
