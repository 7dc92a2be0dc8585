"""The counts of one partition as its worker keeps them, read from Redis.

Which keys hold them depends on the wheel that they are kept by. So a script is told the wheel that its keys were
chosen by, and answers with the one in force where that is another by now. There is no telling what was before the
worker last wrote: what was over by its clock is not told apart from what was over long ago.
"""

from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import msgpack

from services.runtime.redis_client import RedisClient
from services.segmentation.sizes import ORDINALS, segment_of, sizes_within
from services.segmentation.wheel import Wheel
from services.segmentation.wire import keys
from services.segmentation.wire.sizes import decode_records, decode_wheel, encode_wheel


class _Script(Protocol):
    async def __call__(self, keys: Sequence[str], args: Sequence[str | int]) -> Any: ...


class _Answer(NamedTuple):
    wheel: Wheel
    written_ms: int
    """When the partition's worker last wrote."""
    found: Sequence[Any]
    """What else the script returned."""


class SizeReads:
    """All calls raise REDIS_ERRORS when Redis does not answer in time."""

    def __init__(self, redis: RedisClient) -> None:
        self._now = _script(redis, "sizes_now")
        self._ahead = _script(redis, "sizes_ahead")
        self._wheels: dict[int, Wheel] = {}

    async def now(self, partition: int, at_ms: int) -> dict[tuple[str, int], int]:
        """Users by space and ordinal at a moment, or when the partition's worker last wrote, if that is later."""

        def asked(wheel: Wheel, at_ms: int) -> tuple[list[str], list[str | int]]:
            *over, last = wheel.ahead(max(at_ms, wheel.over_ms) + 1)
            names = [keys.sizes_in(partition, stretch) for stretch in over]
            return [*names, keys.moments_in(partition, last)], [last.begin_ms, last.end_ms]

        over_ms, packed, pieces = (await self._ask(self._now, partition, at_ms, asked)).found
        spaces, flat = msgpack.unpackb(packed)
        sizes = sizes_within(decode_records(b"".join(pieces)), over_ms)
        sizes.update(dict(zip(flat[::2], flat[1::2], strict=True)))
        places = ((*segment_of(counter), users) for counter, users in sizes.items() if users)
        return {(spaces[space], ordinal): users for space, ordinal, users in places}

    async def ahead(
        self, partition: int, space: str, ordinal: int, now_ms: int, until_ms: int
    ) -> dict[int, int] | None:
        """The users of one segment by moment, at every end of a stretch up to `until_ms` or a little later.

        None where there are none at any moment.
        """

        def asked(wheel: Wheel, _: int) -> tuple[list[str], list[str | int]]:
            names = [keys.sizes_in(partition, stretch) for stretch in wheel.ahead(until_ms)]
            return names, [space, ordinal, ORDINALS]

        answer = await self._ask(self._ahead, partition, now_ms, asked)
        changes = msgpack.unpackb(*answer.found)
        if not any(changes):
            return None
        ends_ms = [answer.wheel.over_ms, *(stretch.end_ms for stretch in answer.wheel.ahead(until_ms))]
        sizes = zip(ends_ms, accumulate(changes), strict=True)
        return {end_ms: users for end_ms, users in sizes if end_ms >= answer.written_ms}

    async def _ask(
        self,
        script: _Script,
        partition: int,
        at_ms: int,
        asked: Callable[[Wheel, int], tuple[list[str], list[str | int]]],
    ) -> _Answer:
        names = [keys.turn(partition), keys.spaces(partition), keys.sizes(partition)]
        written_ms = at_ms
        while True:
            known = self._wheels.get(partition)
            wheel = known or Wheel.at(at_ms)
            more, args = asked(wheel, max(at_ms, written_ms))
            believed = encode_wheel(known) if known else ""
            found_wheel, written, *found = await script(keys=[*names, *more], args=[believed, at_ms, *args])
            written_ms = int(written)
            if found:
                return _Answer(wheel, written_ms, found)
            self._learn(partition, found_wheel)

    def _learn(self, partition: int, wheel: bytes) -> None:
        if wheel:
            self._wheels[partition] = decode_wheel(wheel)
        else:
            self._wheels.pop(partition, None)


def _script(redis: RedisClient, name: str) -> _Script:
    script: _Script = redis.register_script(files(__package__).joinpath(f"lua/{name}.lua").read_text())
    return script
