"""A value in Redis that others change, followed by asking for its version several times a second."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, cast

from services.runtime.errors import OperatorError
from services.runtime.redis_client import RedisClient

T = TypeVar("T")
Place = tuple[str, str]
"""The key of a hash, and one of its fields."""
_log = logging.getLogger(__name__)


class UnreadableValue(OperatorError):
    """What is stored was not written by this version of Tranche, or is damaged."""


class References(Protocol[T]):
    """What a document refers to, which is read too before the value is in force."""

    def missing(self, value: T, /) -> Sequence[Place]:
        """Where that is which is not at hand."""

    def complete(self, value: T, found: Sequence[bytes | None], /) -> T:
        """The value with what was found there, in the same order."""


class WatchedValue(Generic[T]):
    """Follows the hash at `key`, whose field `document` is decoded again whenever its field `version` differs.

    A hash that is not there stands for `initial`. While Redis is away, or holds what cannot be read, the last value
    stays.
    """

    def __init__(
        self,
        redis: RedisClient,
        key: str,
        decode: Callable[[bytes], T],
        initial: T,
        interval_s: float = 0.25,
        references: References[T] | None = None,
    ) -> None:
        self.value = initial
        self._redis, self._key, self._decode, self._initial = redis, key, decode, initial
        self._interval_s, self._references = interval_s, references
        self._looking = asyncio.Lock()
        self._version: bytes | str | None = None

    async def refresh(self) -> T:
        """Look now. Raises REDIS_ERRORS and UnreadableValue."""
        async with self._looking:  # one look after the other: of two at a time the older might be the last to come back
            version = await self._redis.hget(self._key, "version")
            if version != self._version:
                version, document = await self._redis.hmget(self._key, ["version", "document"])
                self.value, self._version = await self._completed(self._read(document)), version
        return self.value

    async def follow(self) -> None:
        """Look again and again, until cancelled. A failure is logged when it begins and when it is over."""
        failing: str | None = None
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # redis-py sometimes swallows the cancellation itself
            outcome = await self._look()
            if outcome != failing:
                _log.warning("%s: %s", self._key, f"cannot look now: {outcome}" if outcome else "can look again")
            failing = outcome
            await asyncio.sleep(self._interval_s)

    async def _look(self) -> str | None:
        """The name of what went wrong. Anything may: the end of the following would go unnoticed."""
        try:
            await self.refresh()
        except Exception as error:
            return type(error).__name__
        return None

    async def _completed(self, value: T) -> T:
        if self._references is None:
            return value
        places = self._references.missing(value)
        found = [await self._redis.hget(*place) for place in places]
        return self._references.complete(value, cast("list[bytes | None]", found))

    def _read(self, document: bytes | str | None) -> T:
        if document is None:
            return self._initial
        assert isinstance(document, bytes)
        try:
            return self._decode(document)
        except Exception as error:
            what = f"what Redis holds at {self._key} cannot be read by this version of Tranche"
            raise UnreadableValue(f"{what}: {type(error).__name__}") from error
