"""The users' state in Redis, as the owner of a partition reads and writes it. Nothing else writes it.

The law: what is written was worked out from what was stored after the owner's last write. So each write names the
one before it, and Redis refuses it when there was another since, or when that one got lost.
"""

import secrets
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import count
from typing import NamedTuple, cast

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.engine import UserState
from services.segmentation.membership import Membership
from services.segmentation.profile import Profile
from services.segmentation.wheel import Stretch, Wheel
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile
from services.segmentation.wire.sizes import decode_records, decode_turn, encode_turn
from services.segmentation.wire.version import UnknownCodec
from services.stream_worker.ledger import Entry, Ledger, Move
from services.stream_worker.write import Walk, Write, arguments, names

MAX_USERS = 100
"""Users that one script writes: more would keep lookups waiting."""
MAX_CHANGES = 1_000
"""Sizes that one script changes, more or less, for the same reason: some two milliseconds."""


class UnreadableProfile(Exception):
    """A user of the partition has a profile that this version of Tranche cannot read; nothing could replace it."""

    def __init__(self, partition: int, error: UnknownCodec) -> None:
        super().__init__(f"a profile of partition {partition} cannot be read: {error}")
        self.partition = partition


class Opened(NamedTuple):
    watermark: int
    """The offset of the next record to apply."""
    refreshed: int
    """The catalog version that all memberships of the partition have reached."""
    counted: bool
    """Whether they are counted; those that an earlier version of Tranche wrote are not."""


class UserStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time."""

    def __init__(self, redis: RedisClient, now_ms: Clock) -> None:
        self._redis, self._now_ms = redis, now_ms
        self._script = redis.register_script(files(__package__).joinpath("lua/apply.lua").read_text())
        self._ledgers: dict[int, Ledger] = {}
        self.room = MAX_USERS
        """Users that the next script may write, as far as the last one tells."""
        self._turns = (f"{secrets.token_hex(8)}-{number}" for number in count())

    async def open(self, partition: int) -> Opened:
        """Learn where a partition is, before anything is worked out for it. Writing needs it to be open."""
        wanted = [keys.turn(partition), keys.watermark(partition), keys.refreshed(partition)]
        turn, watermark, refreshed = await get_many(self._redis, wanted)
        spaces = cast("list[bytes]", await self._redis.lrange(keys.spaces(partition), 0, -1))
        now_ms = self._now_ms()
        then_ms, wheel = decode_turn(turn) if turn else (now_ms, Wheel.at(now_ms))
        ledger = Ledger((turn or b"").decode(), then_ms, wheel, [space.decode() for space in spaces])
        self._ledgers[partition] = ledger
        return Opened(int(watermark or 0), int(refreshed or 0), turn is not None)

    def close(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._ledgers.pop(partition, None)

    def ledger(self, partition: int) -> Ledger:
        """Of an open partition, as of now."""
        ledger = self._ledgers[partition]
        ledger.go_on(self._now_ms())
        return ledger

    async def load(self, partition: int, members: Sequence[str]) -> list[UserState]:
        """The states of users of one partition, in the order asked for. Raises UnreadableProfile.

        A membership that cannot be read counts as absent: the profile gives it anew.
        """
        profiles = [keys.profile(partition, member) for member in members]
        memberships = [keys.membership(partition, member) for member in members]
        stored = await get_many(self._redis, [*profiles, *memberships])
        return [
            UserState(_profile(partition, profile), _membership(membership))
            for profile, membership in zip(stored[: len(members)], stored[len(members) :], strict=True)
        ]

    async def apply(
        self, partition: int, begin: int, end: int, writes: Sequence[Write], walk: Walk | None = None
    ) -> bool:
        """Write everything and move the watermark from `begin` to `end`.

        Does nothing when it is not at `begin`, or somebody else has written meanwhile; returns whether it wrote.
        """
        entry = self.ledger(partition).count(map(_move, writes))
        if writes:
            self.room = _room(len(writes), entry.changes)
        return await self._write(partition, begin, end, entry, writes, walk)

    async def rewrite(self, partition: int, position: int, entry: Entry) -> bool:
        """Write counts another way, with the watermark at `position`; returns whether it wrote."""
        return await self._write(partition, position, position, entry)

    async def sizes_in(self, partition: int, stretch: Stretch) -> dict[int, int]:
        """By counter, what the boundaries within a stretch come to."""
        found = await self._redis.hgetall(keys.sizes_in(partition, stretch))
        return {int(counter): int(change) for counter, change in found.items()}

    async def moments_in(self, partition: int, stretch: Stretch) -> Sequence[int]:
        """The records of a stretch."""
        found = await self._redis.lrange(keys.moments_in(partition, stretch), 0, -1)
        return decode_records(b"".join(cast("list[bytes]", found)))

    async def members(self, partition: int) -> int:
        """How many there are."""
        return int(await self._redis.zcard(keys.users(partition)))

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[str]]:
        """Some members of the partition and where to go on; a cursor of 0 begins, and says that it is done.

        A member may be met again by a later call, not by the same.
        """
        after, found = await self._redis.zscan(keys.users(partition), cursor, count=count)
        return int(after), list({member.decode(): None for member, _ in cast("list[tuple[bytes, float]]", found)})

    async def _write(
        self,
        partition: int,
        begin: int,
        end: int,
        entry: Entry,
        writes: Sequence[Write] = (),
        walk: Walk | None = None,
    ) -> bool:
        ledger = self._ledgers[partition]
        turn = encode_turn(next(self._turns), ledger.now_ms, entry.wheel)
        written = await self._script(
            keys=list(names(partition, writes, entry)),
            args=[begin, end, ledger.turn, turn, *arguments(entry, walk, writes)],
        )
        if written:
            ledger.accept(turn, entry)
        return bool(written)


def _move(write: Write) -> Move:
    before, after = write.before.membership, write.state.membership
    assert after is not None
    return keys.space_of(write.member), before, after


def _room(users: int, changes: int) -> int:
    """One more at least, as long as there is room: users who change together change many sizes only once."""
    by_rate = users * MAX_CHANGES // max(1, changes)
    return min(MAX_USERS, max(users + 1, by_rate) if changes <= MAX_CHANGES else max(1, by_rate))


def _profile(partition: int, data: bytes | None) -> Profile | None:
    try:
        return decode_profile(data) if data else None
    except UnknownCodec as error:
        raise UnreadableProfile(partition, error) from error


def _membership(data: bytes | None) -> Membership | None:
    try:
        return decode_membership(data) if data else None
    except UnknownCodec:
        return None
