"""The letters of the embedded log: entries of a Redis stream, removed when they are settled."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import cast

from services.dead_letters.box import Letter
from services.runtime.event_log.embedded import DEAD_LETTERS_KEY
from services.runtime.event_log.port import DeadLetter
from services.runtime.redis_client import RedisClient

_Entry = tuple[bytes, Mapping[bytes, bytes]]

_PAGE = 20  # letters in one answer: each may be of a mebibyte


class EmbeddedBox:
    """`redis` must answer in bytes; it is closed with the box."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def left(self) -> AsyncGenerator[Letter, None]:
        newest = cast("list[_Entry]", await self._redis.xrevrange(DEAD_LETTERS_KEY, count=1))
        begin, end = "-", newest[0][0] if newest else b"0-0"
        while page := await self._page(begin, end):
            for entry_id, fields in page:
                yield _letter(entry_id, fields)
            begin = f"({page[-1][0].decode()}"

    async def _page(self, begin: str, end: bytes) -> list[_Entry]:
        return cast("list[_Entry]", await self._redis.xrange(DEAD_LETTERS_KEY, min=begin, max=end, count=_PAGE))

    async def settle(self, letters: Sequence[Letter]) -> None:
        if letters:
            await self._redis.xdel(DEAD_LETTERS_KEY, *(each.place for each in letters))

    async def close(self) -> None:
        await self._redis.aclose()


def _letter(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Letter:
    """Redis names an entry by the time it came."""
    content = DeadLetter(
        fields[b"reason"].decode(), int(fields[b"partition"]), int(fields[b"offset"]), fields[b"key"], fields[b"value"]
    )
    return Letter(entry_id.decode(), int(entry_id.partition(b"-")[0]), content)
