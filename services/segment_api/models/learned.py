"""What the trainer keeps in Redis beside the live snapshots: how far it is, and the snapshots of before.

What is there and cannot be read is not known, and no reason to fail: the trainer has its own alarms.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple, cast

import orjson

from services.runtime.redis_client import RedisClient
from services.segment_api.rests import Pace, Rests
from services.segmentation.models.registry import Model
from services.segmentation.models.snapshots import Move, Trained
from services.segmentation.models.wire import BadSnapshot, decode_moves, decode_trained
from services.segmentation.wire import keys

END_BYTES = 96
PART_BYTES = 2_000
"""Of moves, which are read in a fraction of a millisecond."""
_END = re.compile(rb'"samples":([0-9]{1,19}),"at_ms":([0-9]{1,19})\}+$')


class Progress(NamedTuple):
    """Of the training for the definition that is in force."""

    samples: int = 0
    at_ms: int | None = None
    """When it was noted; None where nothing is."""
    complaint: str | None = None
    """What keeps the model from learning; None where nothing does."""


class Stored(NamedTuple):
    """A stored snapshot; None where that cannot be read."""

    number: int
    at_ms: int | None
    """The moment of the latest sample that it has learned."""
    samples: int | None


class Backlog(NamedTuple):
    """Records of the samples log that the trainer had not learned yet, at a moment."""

    records: int
    at_ms: int


class Learned:
    """All calls raise REDIS_ERRORS when Redis does not answer in time."""

    def __init__(self, redis: RedisClient, pace: Pace | None = None) -> None:
        self._redis, self._pace = redis, pace or Pace()
        self._ends = redis.register_script(files(__package__).joinpath("lua/snapshot_ends.lua").read_text())

    async def progress(self, models: Sequence[Model]) -> Mapping[str, Progress]:
        """By the ids of the models."""
        names = [model.id for model in models]
        complaints = await self._redis.hmget(keys.TRAININGS, names) if names else []
        found = await asyncio.gather(*map(self._progress, models, cast("list[bytes | None]", complaints)))
        return dict(zip(names, found, strict=True))

    async def backlog(self) -> Backlog | None:
        """None where no trainer has told anything."""
        try:
            told = orjson.loads(await self._redis.get(keys.TRAINER) or b"null")
            return Backlog(int(told["backlog"]), int(told["at_ms"]))
        except (ValueError, TypeError, LookupError, OverflowError):
            return None

    async def stored(self, model_id: str) -> list[Stored]:
        """The snapshots to which the model can be rolled back, newest first."""
        rows = await self._ends(keys=[keys.snapshots(model_id)], args=[END_BYTES])
        numbers, ends = cast("Sequence[bytes]", rows)[::2], cast("Sequence[bytes]", rows)[1::2]
        found = [_stored(int(number), end) for number, end in zip(numbers, ends, strict=True) if number.isdigit()]
        return sorted(found, reverse=True)

    async def snapshot(self, model_id: str, number: int) -> Trained | None:
        """One that is stored. Raises BadSnapshot."""
        data = await self._redis.hget(keys.snapshots(model_id), str(number))
        return None if data is None else decode_trained(cast("bytes", data))

    async def moves(self, model_id: str) -> AsyncIterator[Move]:
        """All that the newest snapshot knows, of which there may be a hundred thousand."""
        rests, data = Rests(self._pace), await self._redis.get(keys.moves(model_id))
        for part in _parts(cast("bytes | None", data) or b"[]"):
            for move in _moves(part):
                yield move
            await rests.between()

    async def _progress(self, model: Model, complaint: bytes | None) -> Progress:
        fields = await self._redis.hmget(keys.training(model.id), ["definition", "samples", "at_ms"])
        digest, *numbers = cast("list[bytes | None]", fields)
        is_current = digest == model.definition.digest.encode()
        samples, at_ms = map(_number, numbers) if is_current else (None, None)
        return Progress(samples or 0, at_ms, complaint.decode(errors="replace") if complaint else None)


def _stored(number: int, end: bytes) -> Stored:
    told = _END.search(end)
    return Stored(number, None, None) if told is None else Stored(number, int(told[2]), int(told[1]))


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 20 else None


def _parts(rows: bytes) -> Iterator[bytes]:
    """JSON of many rows as that of a few at a time: it takes so long to read that lookups could not wait for it."""
    begin = 1
    while (end := rows.find(b"],[", begin + PART_BYTES)) >= 0:
        yield b"[" + rows[begin : end + 1] + b"]"
        begin = end + 2
    yield b"[" + rows[begin:]


def _moves(part: bytes) -> Sequence[Move]:
    try:
        return decode_moves(part)
    except BadSnapshot:
        return ()
