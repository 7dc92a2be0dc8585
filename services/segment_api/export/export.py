"""Walks all users of a space and tells who is in a segment, a page at a time.

The index of each partition is walked with ZSCAN, which returns whoever is in it all the time at least once. So who
is a member all the time is told at least once. Twice at most where Redis enlarges its table between a place and the
continuation from it, or is another Redis then: a walk that goes on by itself remembers whom it told.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import NamedTuple, TypeVar

from services.runtime.redis_client import REDIS_ERRORS, RedisClient, get_many
from services.segment_api.export.format import Member
from services.segment_api.export.judging import Judging, Untold
from services.segment_api.export.place import Place
from services.segment_api.rests import Pace, Rests
from services.segmentation.catalog import Catalog
from services.segmentation.time_zones import TimeZones
from services.segmentation.wire import keys

T = TypeVar("T")

PAGE_USERS = 500
"""Users read in one go, about: a partition with fewer than 128 is read as a whole."""
PROFILES = 50
"""Profiles read in one go."""
PATIENCE_S = 10.0
RETRY_S = 0.2


class Page(NamedTuple):
    members: Sequence[Member]
    following: Place
    is_last: bool


class Export:
    """`unreadable` is told of stored bytes that cannot be read; such users are counted and left out.

    No connection is held between pages, however slowly they are taken.
    """

    def __init__(
        self,
        redis: RedisClient,
        catalog: Callable[[], Catalog],
        partitions: int,
        zones: TimeZones,
        consent_required: bool,
        unreadable: Callable[[Exception], None],
        patience_s: float = PATIENCE_S,
        page_users: int = PAGE_USERS,
        pace: Pace | None = None,
    ) -> None:
        self._redis = redis
        self._pace = pace or Pace()
        self._catalog = catalog
        self._partitions = partitions
        self._zones = zones
        self._consent_required = consent_required
        self._unreadable = unreadable
        self._patience_s = patience_s
        self._page_users = page_users
        self._scan = redis.register_script(files(__package__).joinpath("lua/scan_users.lua").read_text())

    async def pages(self, segment_id: str, place: Place) -> AsyncIterator[Page]:
        """The pages from a place on; they end before the last where the segment is edited or deleted meanwhile.

        Raises REDIS_ERRORS where Redis stays away.
        """
        told: set[int] = set()  # hashes of 64 bits: that two members of a partition share one is not to be expected
        while (judging := self._judging(segment_id, place)) is not None:
            page = await self._page(judging, place, told)
            yield page
            if page.is_last:
                return
            if page.following.partition != place.partition:
                told.clear()
            place = page.following

    def _judging(self, segment_id: str, place: Place) -> Judging | None:
        catalog = self._catalog()
        ready = catalog.ready.get(segment_id)
        if ready is None or ready.version != place.version:
            return None
        return Judging(catalog, segment_id, self._zones.of(place.space), place.at_ms, self._consent_required)

    async def _page(self, judging: Judging, place: Place, told: set[int]) -> Page:
        following, users = await self._users(place)
        inside = keys.member(place.space, "").encode()
        names = [name.decode() for name in users if name.startswith(inside) and hash(name) not in told]
        found = await self._found(judging, place.partition, names)
        told.update(hash(name.encode()) for name in found.members)
        for error in found.errors:
            self._unreadable(error)
        following = following._replace(
            members=place.members + len(found.members), unreadable=place.unreadable + len(found.errors)
        )
        return Page(list(found.members.values()), following, following.partition == self._partitions)

    async def _users(self, place: Place) -> tuple[Place, Sequence[bytes]]:
        """Users from a place on, and the place after them; those of a whole partition where another server answers."""
        server, cursor, users = await self._patiently(partial(self._scanned, place))
        if place.cursor and server != place.server:
            return await self._users(place._replace(cursor=0))
        if cursor == 0:
            return place._replace(partition=place.partition + 1, cursor=0, server=""), users
        return place._replace(cursor=cursor, server=server), users

    async def _scanned(self, place: Place) -> tuple[str, int, Sequence[bytes]]:
        server, cursor, users = await self._scan(
            keys=[keys.users(place.partition)], args=[place.cursor, self._page_users]
        )
        return server.decode(), int(cursor), users

    async def _found(self, judging: Judging, partition: int, names: Sequence[str]) -> "_Found":
        found, rests = _Found(), Rests(self._pace)
        rows = await self._read(partition, names, keys.membership)
        for name, (membership,) in zip(names, rows, strict=True):
            if membership is not None:
                found.note(name, partial(judging.by_membership, keys.user_id_of(name), membership))
            await rests.between()
        for begin in range(0, len(found.untold), PROFILES):
            await self._evaluate(judging, partition, found.untold[begin : begin + PROFILES], found)
        return found

    async def _evaluate(self, judging: Judging, partition: int, names: Sequence[str], found: "_Found") -> None:
        """Each membership is read again together with its profile, so that they belong together."""
        rows, rests = await self._read(partition, names, keys.membership, keys.profile), Rests(self._pace)
        for name, (membership, profile) in zip(names, rows, strict=True):
            if membership is not None and profile is not None:
                found.note(name, partial(judging.by_profile, keys.user_id_of(name), membership, profile))
            await rests.between()

    async def _read(
        self, partition: int, names: Sequence[str], *sorts: Callable[[int, str], str]
    ) -> Iterable[Sequence[bytes | None]]:
        wanted = [sort(partition, name) for name in names for sort in sorts]
        values = await self._patiently(partial(get_many, self._redis, wanted))
        return [values[begin : begin + len(sorts)] for begin in range(0, len(values), len(sorts))]

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the call gives, tried again for a while. Raises REDIS_ERRORS."""
        until_s = time.monotonic() + self._patience_s
        while True:
            try:
                return await call()
            except REDIS_ERRORS:
                if time.monotonic() >= until_s:
                    raise
            await asyncio.sleep(RETRY_S)


@dataclass
class _Found:
    members: dict[str, Member] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    """Users whom the stored membership does not tell enough of."""
    errors: list[Exception] = field(default_factory=list)

    def note(self, name: str, judge: Callable[[], Member | None]) -> None:
        try:
            member = judge()
        except Untold:
            self.untold.append(name)
        except Exception as error:  # bytes of a newer version, or damaged ones: the others go on
            self.errors.append(error)
        else:
            if member is not None:
                self.members[name] = member
