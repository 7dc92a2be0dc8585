"""Another chance for dead letters: their original bytes are appended to the event log, where a worker reads them anew.

What can be read now goes to its user's own partition; what cannot goes where it was, and is likely put aside again.
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from services.dead_letters.box import Letter, LetterBox
from services.dead_letters.selection import Selection, selected
from services.runtime.clock import Clock
from services.runtime.event_log.port import DeadLetter, LogWriter, Message
from services.segmentation.events import InvalidEvent, decode_fact
from services.segmentation.partitions import partition_of

_CHUNK_LETTERS = 100
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass
class Replayed:
    """What has been done so far. `unreadable` of the `letters` this version cannot read either."""

    letters: int = 0
    unreadable: int = 0


class Replay:
    def __init__(self, box: LetterBox, writer: LogWriter, partitions: int, now_ms: Clock) -> None:
        self._box, self._writer, self._partitions, self._now_ms = box, writer, partitions, now_ms
        self.done = Replayed()

    async def run(self, selection: Selection) -> None:
        """Raises LogUnavailable and REDIS_ERRORS; what is `done` by then stays done."""
        async for chunk in _chunks(selected(self._box, selection)):
            homes = [self._home(each.content) for each in chunk]
            await self._writer.append([self._message(each, home) for each, home in zip(chunk, homes, strict=True)])
            await self._box.settle(chunk)
            self.done.letters += len(chunk)
            self.done.unreadable += homes.count(None)

    def _message(self, letter: Letter, home: int | None) -> Message:
        content = letter.content
        return Message(self._former(content) if home is None else home, content.key, content.value)

    def _home(self, content: DeadLetter) -> int | None:
        """The partition of the user that it tells of; None where that cannot be read."""
        try:
            fact = decode_fact(content.value, self._now_ms())
        except InvalidEvent:
            return None
        return partition_of(fact.user_id, self._partitions)

    def _former(self, content: DeadLetter) -> int:
        """Where it was, unless the log has fewer partitions than it had then."""
        if content.partition < self._partitions:
            return content.partition
        return partition_of(content.key, self._partitions)


async def _chunks(letters: AsyncIterable[Letter]) -> AsyncIterator[Sequence[Letter]]:
    chunk: list[Letter] = []
    size_bytes = 0
    async for letter in letters:
        chunk.append(letter)
        size_bytes += len(letter.content.value)
        if len(chunk) >= _CHUNK_LETTERS or size_bytes >= _CHUNK_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk
