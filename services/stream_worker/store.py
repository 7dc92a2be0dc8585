"""The users' state in Redis, as the owner of a partition reads and writes it. Nothing else writes it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple, cast

from services.runtime.redis_client import RedisClient, get_many
from services.segmentation.engine import UserState
from services.segmentation.membership import Membership
from services.segmentation.profile import Profile
from services.segmentation.wire import keys
from services.segmentation.wire.membership import decode_membership, encode_membership
from services.segmentation.wire.profile import decode_profile, encode_profile
from services.segmentation.wire.version import UnknownCodec


class UnreadableProfile(Exception):
    """A user of the partition has a profile that this version of Tranche cannot read; nothing could replace it."""

    def __init__(self, partition: int, error: UnknownCodec) -> None:
        super().__init__(f"a profile of partition {partition} cannot be read: {error}")
        self.partition = partition


class Write(NamedTuple):
    """A user's next state. `profile_changed` says whether more than the membership is to be written."""

    member: str
    state: UserState
    profile_changed: bool


class UserStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._apply = redis.register_script(files(__package__).joinpath("lua/apply.lua").read_text())

    async def watermark(self, partition: int) -> int:
        """The offset of the next record to apply."""
        return int(await self._redis.get(keys.watermark(partition)) or 0)

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

    async def apply(self, partition: int, begin: int, end: int, writes: Sequence[Write]) -> bool:
        """Write everything and move the watermark from `begin` to `end`; do nothing when it is not at `begin`."""
        names = [keys.watermark(partition), keys.users(partition)]
        values: list[str | bytes | int] = [begin, end]
        for member, state, profile_changed in writes:
            assert state.profile is not None
            assert state.membership is not None
            names += keys.profile(partition, member), keys.membership(partition, member)
            profile = encode_profile(state.profile) if profile_changed else b""
            values += member, state.profile.latest_ms, profile, encode_membership(state.membership)
        moved_to = await self._apply(keys=names, args=values)
        return int(moved_to) == end

    async def refreshed(self, partition: int) -> int:
        """The catalog version that all memberships of the partition have reached."""
        return int(await self._redis.get(keys.refreshed(partition)) or 0)

    async def mark_refreshed(self, partition: int, catalog_version: int) -> None:
        await self._redis.set(keys.refreshed(partition), catalog_version)

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[str]]:
        """Some members of the partition and where to go on; a cursor of 0 begins, and says that it is done."""
        after, found = await self._redis.zscan(keys.users(partition), cursor, count=count)
        return int(after), [member.decode() for member, _ in cast("list[tuple[bytes, float]]", found)]


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
