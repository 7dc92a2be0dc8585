"""Which letters an operator means."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.dead_letters.box import Letter, LetterBox


@dataclass(frozen=True, slots=True)
class Selection:
    """Every letter that is as each given value says: where its record was in the event log, and part of its reason."""

    partition: int | None = None
    offset: int | None = None
    reason: str | None = None

    def holds(self, letter: Letter) -> bool:
        content = letter.content
        return (
            self.partition in (None, content.partition)
            and self.offset in (None, content.offset)
            and (self.reason is None or self.reason.casefold() in content.reason.casefold())
        )


async def selected(box: LetterBox, selection: Selection) -> AsyncGenerator[Letter, None]:
    async for letter in box.left():
        if selection.holds(letter):
            yield letter
