"""Looks now and then at how models fare: how far behind their trainer is, and which have no snapshot at hand.

The law: a trainer is silent for as long as it says the same, by the clock of this process, so that a difference between
clocks counts once at most, when it is first heard. One that was never heard is silent since there are models.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import orjson

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient
from services.segmentation.catalog import Catalog
from services.segmentation.models.thinning import level
from services.segmentation.wire import keys

EVERY_S = 1.0

_log = logging.getLogger(__name__)


class HasCatalog(Protocol):
    @property
    def value(self) -> Catalog: ...


class Trainer:
    """What was heard of it. Pure."""

    def __init__(self, now_s: float) -> None:
        self._backlog, self._said = 0, b""
        self._since_s, self._silent_ms = now_s, 0

    def hear(self, said: bytes, now_s: float, now_ms: int) -> None:
        """`now_s` goes on evenly, `now_ms` is the clock's."""
        if said == self._said:
            return
        backlog, at_ms = _read(said)
        self._silent_ms = 0 if self._said else max(0, now_ms - at_ms)
        self._backlog, self._said, self._since_s = backlog, said, now_s

    def level(self, now_s: float) -> int:
        """How much samples are to be thinned."""
        return level(self._backlog, self._silent_ms + int((now_s - self._since_s) * 1000))


class ModelWatch:
    def __init__(self, redis: RedisClient, catalog: HasCatalog, now_ms: Clock) -> None:
        self._redis, self._catalog, self._now_ms = redis, catalog, now_ms
        self._trainer: Trainer | None = None
        self._missing: Sequence[str] = []
        self._failing: str | None = None
        self.level = 0
        """Of samples, 1 in 2 ** level is to be taken."""

    @property
    def missing(self) -> int:
        """How many models say nothing because their live snapshot is gone or cannot be read."""
        return len(self._catalog.value.registry.missing)

    @property
    def kept_share(self) -> float:
        return 0.5**self.level

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # redis-py sometimes swallows the cancellation itself
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Look now. What has changed since the last look is logged."""
        self._note_missing(sorted(self._catalog.value.registry.missing))
        if not self._catalog.value.registry.models:
            self._trainer = None
            self._note_level(0)
            return
        now_s = asyncio.get_running_loop().time()
        trainer = self._trainer = self._trainer or Trainer(now_s)
        self._note_failure(await self._try_hear(trainer, now_s))
        self._note_level(trainer.level(now_s))

    async def _try_hear(self, trainer: Trainer, now_s: float) -> str | None:
        """The name of what went wrong. Anything may: the end of the following would go unnoticed."""
        try:
            said = await self._redis.get(keys.TRAINER)
            if isinstance(said, bytes):
                trainer.hear(said, now_s, self._now_ms())
        except Exception as error:
            return type(error).__name__
        return None

    def _note_missing(self, missing: Sequence[str]) -> None:
        if missing != self._missing:
            _log.warning("models without their live snapshot, which say nothing here: %s", missing or "none any more")
        self._missing = missing

    def _note_failure(self, failure: str | None) -> None:
        if failure != self._failing:
            _log.warning("the models' trainer: %s", f"cannot be heard now: {failure}" if failure else "heard again")
        self._failing = failure

    def _note_level(self, at_level: int) -> None:
        if at_level != self.level:
            _log.warning("the models' trainer %s", _told(at_level))
        self.level = at_level


def _told(at_level: int) -> str:
    if at_level:
        return f"is behind or silent: 1 in {2**at_level} samples is taken"
    return "keeps up: all samples are taken"


def _read(said: bytes) -> tuple[int, int]:
    """The records that it has not learned, and when it said so. Raises ValueError."""
    match orjson.loads(said):
        case {"backlog": int(backlog), "at_ms": int(at_ms)}:
            return backlog, at_ms
    raise ValueError("not what a trainer says")
