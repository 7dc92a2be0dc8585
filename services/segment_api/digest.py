"""A digest of all profiles of a partition, by which two replicas or a replay can be compared from outside.

It depends neither on the order in which profiles came about nor on that in which they are read: it is the sum of a hash
of each. So the sum of all partitions' is that of the whole, however many partitions there are. Memberships are left
out: they follow from the profiles and the catalog, and lag behind an edit.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, cast

from services.runtime.redis_client import RedisClient, get_many
from services.segment_api.rests import Pace, Rests
from services.segmentation.wire import keys
from services.segmentation.wire.profile import undeflated
from services.segmentation.wire.version import UnknownCodec
from services.segmentation.wire.watermark import NoWatermark, decode_watermark

A_READ = 200
"""Users read in one go."""
TRIES = 3

_BYTES = 16


class Digest(NamedTuple):
    watermark: int
    """The offset of the first record that is not in it."""
    total: int


class Digests:
    def __init__(self, redis: RedisClient, pace: Pace) -> None:
        self._redis, self._pace = redis, pace

    async def of(self, partition: int) -> Digest | None:
        """None where the partition is written to all the time, or repaired. Raises REDIS_ERRORS.

        Every read of profiles brings the watermark and the name of the last write along, in one command. With the same
        name each time, nothing was written meanwhile. Another name beside the same watermark is the work of what keeps
        memberships and counts, which leaves profiles alone, or of a rebuild, which does not: so all is read again, and
        counts where it comes to the same.
        """
        before: Digest | None = None
        for _ in range(TRIES):
            with suppress(_Moved, NoWatermark):
                found, undisturbed = await self._once(partition)
                if undisturbed or found == before:
                    return found
                before = found
        return None

    async def _once(self, partition: int) -> tuple[Digest, bool]:
        """And whether nothing was written meanwhile. Raises _Moved and NoWatermark."""
        rests, total, begin = Rests(self._pace), 0, 0
        moment, _ = await self._read(partition, [])
        moments = {moment}
        while members := await self._members(partition, begin):
            now, profiles = await self._read(partition, members)
            moments.add(_same(now, moment))
            total += sum(map(hash_of, members, profiles))
            begin += len(members)
            await rests.between()
        moments.add(_same((await self._read(partition, []))[0], moment))
        return Digest(moment.watermark, total), len(moments) == 1

    async def _members(self, partition: int, begin: int) -> list[str]:
        """Some of the index, from a place on; places do not change as long as the watermark does not."""
        found = await self._redis.zrange(keys.users(partition), begin, begin + A_READ - 1)
        return [member.decode() for member in cast("list[bytes]", found)]

    async def _read(self, partition: int, members: Sequence[str]) -> tuple["_Moment", Sequence[bytes | None]]:
        marks = [keys.watermark(partition), keys.turn(partition)]
        wanted = [*marks, *(keys.profile(partition, member) for member in members)]
        watermark, turn, *profiles = await get_many(self._redis, wanted)
        return _Moment(decode_watermark(watermark), turn), profiles


def hash_of(member: str, profile: bytes | None) -> int:
    """Of one user. A member has no zero byte, so it is clear where the profile begins."""
    with suppress(UnknownCodec):  # damaged, or of a newer version: as it is stored
        profile = undeflated(profile or b"")
    return int.from_bytes(blake2b(member.encode() + b"\0" + (profile or b""), digest_size=_BYTES).digest())


def written(digests: Collection[Digest | None]) -> str | None:
    """The sum of digests as 32 hexadecimal digits; None where one of them is not known."""
    known = [each.total for each in digests if each is not None]
    return f"{sum(known) % 256**_BYTES:0{2 * _BYTES}x}" if len(known) == len(digests) else None


class _Moment(NamedTuple):
    watermark: int
    turn: bytes | None
    """No two writes leave the same."""


def _same(now: _Moment, moment: _Moment) -> _Moment:
    """Raises _Moved where the watermark is another."""
    if now.watermark != moment.watermark:
        raise _Moved
    return now


class _Moved(Exception):
    """The watermark did, in the midst of reading."""
