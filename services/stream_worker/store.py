"""The users' state in Redis, as the owner of a partition reads and writes it. Nothing else writes it.

The law: what is written was worked out from what was stored after the owner's last write. So each write names the
one before it, and Redis refuses it when there was another since, or when that one got lost. And each read has to find
that write to be the last one: another may have come between and then got lost, and the next write would not notice.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from importlib.resources import files
from itertools import count
from typing import Any, NamedTuple, cast

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.changes import Told
from services.segmentation.engine import UserState
from services.segmentation.membership import Membership
from services.segmentation.profile import Profile
from services.segmentation.wheel import Stretch, Wheel
from services.segmentation.wire import keys
from services.segmentation.wire.changes import decode_told, unpack_changes
from services.segmentation.wire.membership import decode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from services.segmentation.wire.sizes import decode_records, decode_turn, encode_turn
from services.segmentation.wire.version import UnknownCodec
from services.segmentation.wire.watermark import decode_watermark
from services.stream_worker.book import Book, Waiting
from services.stream_worker.ear import Ear
from services.stream_worker.ledger import Entry, Ledger, Move
from services.stream_worker.turn_name import TurnName
from services.stream_worker.write import EncodeProfile, Walk, Write, arguments, names

MAX_USERS = 250
"""Users that one script writes, which takes some two milliseconds: more would keep lookups waiting, fewer would have
those who come often evaluated and written more often (docs/performance.md)."""
MAX_NAMES = 1_000
"""That one script is given to read: Lua passes on no more than some 8,000."""
MAX_CHANGES = 1_000
"""Sizes that one script changes and changes that it tells, more or less, for the same reason."""


class UnreadableProfile(Exception):
    """A user of the partition has a profile that this version of Tranche cannot read; nothing could replace it."""

    def __init__(self, partition: int, error: UnknownCodec) -> None:
        super().__init__(f"a profile of partition {partition} cannot be read: {error}")
        self.partition = partition


class Overtaken(Exception):
    """Something else has written to the partition since its owner did, or the owner's last write is lost."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} is not as it was left")
        self.partition = partition


class Opened(NamedTuple):
    watermark: int
    """The offset of the next record to apply."""
    refreshed: int
    """The catalog version that all memberships of the partition have reached."""
    counted: bool
    """Whether they are counted; those that an earlier version of Tranche wrote are not."""


class UserStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time, and those that read an open partition Overtaken.

    One that `tells` keeps what is told of users. What it finds told counts only where the last write was of such a
    one too: others change users and tell nothing.
    """

    def __init__(
        self,
        redis: RedisClient,
        now_ms: Clock,
        *,
        tells: bool = False,
        consent_required: bool = False,
        encode: EncodeProfile = encode_profile,
    ) -> None:
        self._redis, self._now_ms, self.tells, self._encode = redis, now_ms, tells, encode
        self._consent = str(int(consent_required))
        scripts = files(__package__).joinpath("lua")
        self._script = redis.register_script(scripts.joinpath("apply.lua").read_text())
        self._reading = redis.register_script(scripts.joinpath("read.lua").read_text())
        self._ledgers: dict[int, Ledger] = {}
        self._books: dict[int, Book] = {}
        self.room = MAX_USERS
        """Users that the next script may write, as far as the last one tells."""
        self._names = (f"{secrets.token_hex(8)}-{number}" for number in count())
        self._newest: dict[int, int] = {}

    async def open(self, partition: int) -> Opened:
        """Learn where a partition is, before anything is worked out for it. Writing needs it to be open.

        Raises NoWatermark.
        """
        wanted = [keys.turn(partition), keys.watermark(partition), keys.refreshed(partition)]
        turn, watermark, refreshed = await get_many(self._redis, wanted)
        position = decode_watermark(watermark)
        now_ms, last = self._now_ms(), (turn or b"").decode()
        spaces: list[bytes] = await self._read(partition, last, "LRANGE", keys.spaces(partition), 0, -1)
        then_ms, wheel = decode_turn(turn) if turn else (now_ms, Wheel.at(now_ms))
        ledger = Ledger(last, then_ms, wheel, [space.decode() for space in spaces])
        self._ledgers[partition], self._newest[partition] = ledger, TurnName.decode(turn).newest
        opened = Opened(position, int(refreshed or 0), turn is not None)
        return await self._open_book(partition, opened, turn) if self.tells else opened

    def close(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._ledgers.pop(partition, None)
            self._books.pop(partition, None)
            self._newest.pop(partition, None)

    async def overtaken(self, partitions: Collection[int]) -> list[int]:
        """Those of some open partitions that something else has written, or of which a write is lost by now."""
        turns = await get_many(self._redis, [keys.turn(partition) for partition in partitions])
        found = zip(partitions, turns, strict=True)
        return [each for each, turn in found if (turn or b"") != self._ledgers[each].turn.encode()]

    def newest(self, partition: int) -> int:
        """No membership of an open partition is of a newer version of the catalog."""
        return self._newest[partition]

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
        turn, *stored = await get_many(self._redis, [keys.turn(partition), *profiles, *memberships])
        if (turn or b"").decode() != self._ledgers[partition].turn:
            raise Overtaken(partition)
        return [
            UserState(_profile(partition, profile), _membership(membership))
            for profile, membership in zip(stored[: len(members)], stored[len(members) :], strict=True)
        ]

    def book(self, partition: int) -> Book:
        """What is told of an open partition, by a store that tells."""
        return self._books[partition]

    async def load_told(self, partition: int, members: Sequence[str]) -> list[Told | None]:
        """What was told of users, in the order asked for. Raises UnreadableProfile."""
        if not members or self._books[partition].begins:
            return [None] * len(members)
        parts = [members[begin : begin + MAX_NAMES] for begin in range(0, len(members), MAX_NAMES)]
        found = [each for part in parts for each in await self._find(partition, "HMGET", keys.told(partition), *part)]
        return [_told(partition, data) for data in found]

    async def due(self, partition: int, count: int) -> list[tuple[str, int]]:
        """The members of whom time has something to tell soonest, and when."""
        if self._books[partition].begins:
            return []
        found = await self._find(partition, "ZRANGE", keys.due(partition), 0, count - 1, "WITHSCORES")
        return [(member.decode(), int(moment)) for member, moment in zip(found[::2], found[1::2], strict=True)]

    async def outbox(self, partition: int, after: bytes | None, count: int) -> list[Waiting]:
        """The next changes that wait to be published, those after an entry if there is one. Raises UnknownCodec."""
        begin = "-" if after is None else f"({after.decode()}"
        found = await self._redis.xrange(keys.outbox(partition), begin, "+", count)
        return [
            Waiting(entry_id, unpack_changes(fields[b"changes"]))
            for entry_id, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        ]

    async def apply(
        self, partition: int, begin: int, end: int, writes: Sequence[Write], walk: Walk | None = None
    ) -> bool:
        """Write everything and move the watermark from `begin` to `end`.

        Does nothing when it is not at `begin`, or somebody else has written meanwhile; returns whether it wrote.
        """
        entry = self.ledger(partition).count(_move(write) for write in writes if write.state.profile)
        if writes:
            self.room = _room(len(writes), entry.changes + sum(len(write.changes) for write in writes))
        return await self._write(partition, begin, end, entry, writes, walk)

    async def rewrite(self, partition: int, position: int, entry: Entry) -> bool:
        """Write counts another way, with the watermark at `position`; returns whether it wrote."""
        return await self._write(partition, position, position, entry)

    async def sizes_in(self, partition: int, stretch: Stretch) -> dict[int, int]:
        """By counter, what the boundaries within a stretch come to."""
        found = await self._find(partition, "HGETALL", keys.sizes_in(partition, stretch))
        return {int(counter): int(change) for counter, change in zip(found[::2], found[1::2], strict=True)}

    async def moments_in(self, partition: int, stretch: Stretch) -> Sequence[int]:
        """The records of a stretch."""
        return decode_records(
            b"".join(await self._find(partition, "LRANGE", keys.moments_in(partition, stretch), 0, -1))
        )

    async def members(self, partition: int) -> int:
        """How many there are."""
        return int(await self._redis.zcard(keys.users(partition)))

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[str]]:
        """Some members of the partition and where to go on; a cursor of 0 begins, and says that it is done.

        A member may be met again by a later call, not by the same.
        """
        after, found = await self._redis.zscan(keys.users(partition), cursor, count=count)
        return int(after), list({member.decode(): None for member, _ in cast("list[tuple[bytes, float]]", found)})

    async def _open_book(self, partition: int, opened: Opened, turn: bytes | None) -> Opened:
        """Where telling begins anew, no membership counts as refreshed: the pass has to come by every user."""
        state = keys.telling(partition)
        told = await self._find(partition, "HMGET", state, "begun", "waiting", "consent", "heard")
        begun, waiting, consent, heard = told
        begins = begun is None or not TurnName.decode(turn).tells
        found = opened.watermark if begins or begun is None else int(begun)
        turned = self._consent if consent is None or consent.decode() != self._consent else ""
        ear = Ear.opened(secrets.token_hex(6), heard, begins=begins, now_ms=self._now_ms())
        self._books[partition] = Book(begins=begins, begun=found, waiting=int(waiting or 0), ear=ear, consent=turned)
        return opened._replace(refreshed=0) if begins or turned else opened

    async def _find(self, partition: int, command: str, name: str, *arguments: str | int) -> Any:
        """What a command finds in an open partition."""
        return await self._read(partition, self._ledgers[partition].turn, command, name, *arguments)

    async def _read(self, partition: int, turn: str, command: str, name: str, *arguments: str | int) -> Any:
        last, found = await self._reading(keys=[keys.turn(partition), name], args=[command, *arguments])
        if last.decode() != turn:
            raise Overtaken(partition)
        return found

    async def _write(
        self,
        partition: int,
        begin: int,
        end: int,
        entry: Entry,
        writes: Sequence[Write] = (),
        walk: Walk | None = None,
    ) -> bool:
        ledger, told = self._ledgers[partition], self._books.get(partition)
        telling = told.next_write(writes) if told else None
        newest = _newest(self._newest[partition], writes, walk)
        name = TurnName(next(self._names), newest, self.tells).encode()
        turn = encode_turn(name, ledger.now_ms, entry.wheel)
        written = await self._script(
            keys=list(names(partition, writes, entry, telling)),
            args=[begin, end, ledger.turn, turn, *arguments(entry, walk, writes, telling, self._encode)],
        )
        if written:
            ledger.accept(turn, entry)
            self._newest[partition] = newest
            if told and telling:
                told.accept(telling, writes, ledger.now_ms)
        return bool(written)


def _move(write: Write) -> Move:
    before, after = write.before.membership, write.state.membership
    assert after is not None
    return keys.space_of(write.member), before, after


def _newest(before: int, writes: Sequence[Write], walk: Walk | None) -> int:
    if walk and walk.finished:
        return max(walk.version, walk.newest)
    versions = (write.state.membership.catalog_version for write in writes if write.state.membership)
    return max(before, *versions, 0)


def _room(users: int, changes: int) -> int:
    """One more at least, as long as there is room: users who change together change many sizes only once."""
    by_rate = users * MAX_CHANGES // max(1, changes)
    return min(MAX_USERS, max(users + 1, by_rate) if changes <= MAX_CHANGES else max(1, by_rate))


def _profile(partition: int, data: bytes | None) -> Profile | None:
    try:
        return decode_profile(data) if data else None
    except UnknownCodec as error:
        raise UnreadableProfile(partition, error) from error


def _told(partition: int, data: bytes | None) -> Told | None:
    try:
        return decode_told(data) if data else None
    except UnknownCodec as error:
        raise UnreadableProfile(partition, error) from error


def _membership(data: bytes | None) -> Membership | None:
    try:
        return decode_membership(data) if data else None
    except UnknownCodec:
        return None
