"""Users drawn at random, each as likely as any other. Everything that decides who is drawn lives here.

How many users each partition gives is decided by a comb of evenly spaced teeth that falls at random on all users,
laid out partition after partition: a partition gives as many as there are teeth on it, in the mean its part of all
users (systematic sampling; W. G. Cochran, Sampling Techniques, 1977, chapter 8). Inside a partition ranks of its
sorted index are drawn, none twice, and every user has one rank. Redis could draw by itself, with ZRANDMEMBER, but
favours some places of its hash table: of 15,000 users some came up ten times as often as others.

A partition holds the users of all spaces. Those of other spaces are drawn and put aside, which leaves the rest as
fair a draw of their own space.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate, islice, pairwise
from random import Random
from typing import NamedTuple, TypeVar, cast

from services.runtime.redis_client import RedisClient
from services.segment_api.reads import BoundedReads
from services.segment_api.rests import Pace, Rests
from services.segmentation.wire import keys

T = TypeVar("T")

AT_ONCE = 8
"""Commands that wait for Redis at a time: lookups need connections too."""
READ_AT_ONCE = 100
"""Users whose state is read in one go."""
WIDER = 10
"""How many times more users are drawn where a space shares the store with others."""


class Place(NamedTuple):
    """Where a user's state is."""

    partition: int
    member: str


class State(NamedTuple):
    user: Place
    membership: bytes
    profile: bytes


@dataclass(frozen=True, slots=True)
class Sample:
    """Users of a space in random order, so that the first ones are a fair sample as well."""

    everyone: int
    """Users of all spaces."""
    drawn: int
    """Those of them that were drawn, of all spaces."""
    inside: int
    """Those that were drawn and are in the space."""
    users: Sequence[Place]

    @property
    def population(self) -> int:
        """Users of the space; an estimate where not everyone was drawn."""
        return round(self.everyone * self.inside / self.drawn) if self.drawn else 0

    def drawn_for(self, users: int) -> int:
        """How many of everyone had to be drawn to find so many users of the space."""
        return round(self.drawn * users / self.inside) if self.inside else self.drawn


class Sampler:
    def __init__(self, redis: RedisClient, partitions: int, random: Random) -> None:
        self._redis, self._partitions, self._random = redis, partitions, random
        self._pick = redis.register_script(files(__package__).joinpath("lua/pick_users.lua").read_text())

    async def draw(self, size: int, space: str | None = None) -> Sample:
        """At most `size` users of a space, or of all. Raises REDIS_ERRORS."""
        counts = await _in_turn(self._redis.zcard(keys.users(number)) for number in range(self._partitions))
        sample = await self._draw(counts, size, size, space)
        if sample.inside == sample.drawn or sample.drawn >= sample.everyone:
            return sample
        return await self._draw(counts, size * WIDER, size, space)

    async def _draw(self, counts: Sequence[int], to_draw: int, size: int, space: str | None) -> Sample:
        everyone = sum(counts)
        given = self._given(counts, min(to_draw, everyone))
        rows = await _in_turn(self._picked(number, counts[number], count) for number, count in given.items())
        prefix = b"" if space is None else keys.member(space, "").encode()
        found = [
            (number, name) for number, row in zip(given, rows, strict=True) for name in row if name.startswith(prefix)
        ]
        chosen = self._random.sample(found, min(size, len(found)))
        users = [Place(number, name.decode()) for number, name in chosen]
        return Sample(everyone, sum(map(len, rows)), len(found), users)

    async def _picked(self, partition: int, count: int, to_draw: int) -> Sequence[bytes]:
        ranks = self._random.sample(range(count), to_draw)
        return cast("Sequence[bytes]", await self._pick(keys=[keys.users(partition)], args=ranks))

    def _given(self, counts: Sequence[int], to_draw: int) -> dict[int, int]:
        """How many users each partition gives, of those that give any."""
        everyone = sum(counts)
        if not to_draw:
            return {}
        shift = self._random.randrange(everyone)  # the teeth stand at (shift + everyone * tooth) / to_draw
        teeth = [-((shift - to_draw * end) // everyone) for end in accumulate(counts, initial=0)]
        given = (after - before for before, after in pairwise(teeth))
        return {number: count for number, count in enumerate(given) if count}


async def _in_turn(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What the calls give, a few of them under way at a time; none is made before its turn."""
    waiting, found = iter(calls), list[T]()
    while group := list(islice(waiting, AT_ONCE)):
        found += await asyncio.gather(*group)
    return found


async def states(reads: BoundedReads, users: Sequence[Place], by_s: float, pace: Pace) -> AsyncIterator[State]:
    """What is stored of each user, until the moment `by_s` of time.monotonic() or a failed read.

    It rests again and again. Who is gone since the draw is left out.
    """
    rests = Rests(pace)
    for begin in range(0, len(users), READ_AT_ONCE):
        group = users[begin : begin + READ_AT_ONCE]
        rows = await reads.get([[keys.membership(*user), keys.profile(*user)] for user in group], by_s)
        if rows is None:
            return
        for user, (membership, profile) in zip(group, rows, strict=True):
            if time.monotonic() >= by_s:
                return
            if membership is not None and profile is not None:
                yield State(user, membership, profile)
            await rests.between()
